CREATE TABLE public.access_key (
    id character varying(128) NOT NULL,
    account_id integer NOT NULL,
    secret text NOT NULL,
    grants text NOT NULL,
    enabled boolean NOT NULL,
    created bigint NOT NULL
);
CREATE TABLE public.account (
    id integer NOT NULL,
    name character varying(64) NOT NULL,
    created bigint NOT NULL
);
CREATE SEQUENCE public.account_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.account_id_seq OWNED BY public.account.id;
CREATE TABLE public.answer (
    account_id integer NOT NULL,
    action character varying(64) NOT NULL,
    token character varying(64) NOT NULL,
    digest character varying(64) NOT NULL,
    answer text NOT NULL,
    created bigint NOT NULL
);
CREATE TABLE public.audit_event (
    id bigint NOT NULL,
    account_id integer NOT NULL,
    at bigint NOT NULL,
    key_id character varying(128) NOT NULL,
    operation character varying(64) NOT NULL,
    kind character varying(32) NOT NULL,
    object character varying(256) NOT NULL,
    code character varying(128) NOT NULL,
    address character varying(64) NOT NULL,
    request_id character varying(64) NOT NULL
);
CREATE TABLE public.bucket (
    name character varying(256) NOT NULL,
    full_at bigint NOT NULL
);
CREATE TABLE public.counter (
    account_id integer NOT NULL,
    scope character varying(600) NOT NULL,
    total bigint NOT NULL
);
CREATE TABLE public.device (
    id bigint NOT NULL,
    account_id integer NOT NULL,
    product_key character varying(256) NOT NULL,
    name character varying(256) NOT NULL,
    nickname character varying(256),
    secret text,
    enabled boolean NOT NULL,
    created bigint NOT NULL,
    modified bigint NOT NULL,
    activated bigint,
    seen bigint,
    address character varying(64),
    batch_id integer,
    token text,
    attributes text
);
CREATE TABLE public.device_batch (
    id integer NOT NULL,
    account_id integer NOT NULL,
    product_key character varying(256) NOT NULL,
    state character varying(16) NOT NULL,
    names text NOT NULL,
    refused text NOT NULL,
    created bigint NOT NULL
);
CREATE SEQUENCE public.device_batch_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.device_batch_id_seq OWNED BY public.device_batch.id;
CREATE TABLE public.device_event (
    id bigint NOT NULL,
    device_id bigint NOT NULL,
    at bigint NOT NULL,
    kind character varying(16) NOT NULL,
    job_id bigint,
    task_id bigint,
    detail character varying(1024) NOT NULL
);
CREATE SEQUENCE public.device_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.device_event_id_seq OWNED BY public.device_event.id;
CREATE TABLE public.device_group (
    id bigint NOT NULL,
    account_id integer NOT NULL,
    name character varying(256) NOT NULL,
    description character varying(1024),
    parent_id bigint,
    created bigint NOT NULL
);
CREATE TABLE public.device_group_member (
    group_id bigint NOT NULL,
    device_id bigint NOT NULL
);
CREATE TABLE public.device_origin (
    device_id bigint NOT NULL,
    account_id integer NOT NULL,
    external_id character varying(256),
    facts text NOT NULL
);
CREATE TABLE public.device_version (
    device_id bigint NOT NULL,
    folded character varying(64) NOT NULL,
    module character varying(64) NOT NULL,
    version character varying(256) NOT NULL,
    modified bigint NOT NULL
);
CREATE TABLE public.fact (
    name character varying(64) NOT NULL,
    value character varying(256) NOT NULL
);
CREATE TABLE public.huey_counter (
    queue text NOT NULL,
    key text NOT NULL,
    value bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.huey_kv (
    queue text NOT NULL,
    key text NOT NULL,
    value bytea NOT NULL
);
CREATE TABLE public.huey_schedule (
    id bigint NOT NULL,
    queue text NOT NULL,
    data bytea NOT NULL,
    "timestamp" double precision NOT NULL
);
CREATE SEQUENCE public.huey_schedule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.huey_schedule_id_seq OWNED BY public.huey_schedule.id;
CREATE TABLE public.huey_task (
    id bigint NOT NULL,
    queue text NOT NULL,
    data bytea NOT NULL,
    priority double precision DEFAULT 0.0 NOT NULL
);
CREATE SEQUENCE public.huey_task_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.huey_task_id_seq OWNED BY public.huey_task.id;
CREATE TABLE public.job (
    id bigint NOT NULL,
    account_id integer NOT NULL,
    package_id bigint NOT NULL,
    product_key character varying(256) NOT NULL,
    module character varying(64) NOT NULL,
    version character varying(256) NOT NULL,
    kind character varying(16) NOT NULL,
    selection character varying(16) NOT NULL,
    target character varying(16) NOT NULL,
    state character varying(16) NOT NULL,
    rules text NOT NULL,
    created bigint NOT NULL,
    modified bigint NOT NULL,
    schedule_at bigint,
    finish_at bigint,
    started bigint,
    ended bigint,
    due bigint,
    paused character varying(256),
    stopped boolean NOT NULL,
    filling boolean NOT NULL,
    cursor bigint NOT NULL,
    "position" bigint NOT NULL,
    population bigint,
    upto bigint NOT NULL,
    cancel character varying(64) NOT NULL,
    rate_minute bigint NOT NULL,
    rate_used integer NOT NULL,
    package_kind character varying(16) NOT NULL,
    origin text
);
CREATE TABLE public.minimum_version (
    product_key character varying(256) NOT NULL,
    folded character varying(64) NOT NULL,
    module character varying(64) NOT NULL,
    version character varying(256) NOT NULL,
    modified bigint NOT NULL
);
CREATE TABLE public.module (
    product_id character varying(256) NOT NULL,
    folded character varying(64) NOT NULL,
    name character varying(64) NOT NULL,
    created bigint NOT NULL,
    title character varying(64),
    description character varying(1024),
    modified bigint NOT NULL,
    number bigint,
    origin text
);
CREATE TABLE public.nonce_997221 (
    digest bytea NOT NULL
);
CREATE TABLE public.nonce_997222 (
    digest bytea NOT NULL
);
CREATE TABLE public.package (
    id bigint NOT NULL,
    account_id integer NOT NULL,
    name character varying(256),
    kind character varying(16) NOT NULL,
    product_key character varying(256),
    module character varying(64) NOT NULL,
    version character varying(256) NOT NULL,
    source_versions text NOT NULL,
    differential boolean NOT NULL,
    description character varying(1024),
    custom_info character varying(4096),
    status smallint NOT NULL,
    url character varying(2048),
    size bigint,
    sign_method character varying(16),
    sign character varying(128),
    files text,
    verified boolean NOT NULL,
    created bigint NOT NULL,
    modified bigint NOT NULL,
    object_key character varying(128),
    facts text,
    origin text
);
CREATE TABLE public.package_signature (
    package_id bigint NOT NULL,
    key_id bigint NOT NULL,
    statement text NOT NULL,
    signature character varying(128) NOT NULL,
    created bigint NOT NULL
);
CREATE TABLE public.product (
    key character varying(256) NOT NULL,
    account_id integer NOT NULL,
    name character varying(256) NOT NULL,
    created bigint NOT NULL,
    id bigint NOT NULL,
    description character varying(1024),
    is_gateway boolean NOT NULL,
    edition character varying(16) NOT NULL,
    traits text,
    modified bigint NOT NULL,
    gateway_token text,
    poll_seconds integer
);
CREATE TABLE public.project (
    id character varying(64) NOT NULL,
    account_id integer NOT NULL,
    created bigint NOT NULL
);
CREATE TABLE public.schema_migration (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    applied timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.schema_migration_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.schema_migration_id_seq OWNED BY public.schema_migration.id;
CREATE TABLE public.signing_key (
    id bigint NOT NULL,
    account_id integer NOT NULL,
    name character varying(64) NOT NULL,
    public character varying(64) NOT NULL,
    private text,
    products text NOT NULL,
    auto boolean NOT NULL,
    enabled boolean NOT NULL,
    created bigint NOT NULL
);
CREATE TABLE public.space (
    id character varying(64) NOT NULL,
    account_id integer NOT NULL,
    name character varying(64) NOT NULL,
    is_default boolean NOT NULL,
    created bigint NOT NULL
);
CREATE TABLE public.stored_file (
    key character varying(128) NOT NULL,
    account_id integer NOT NULL,
    path character varying(160),
    size bigint,
    md5 character varying(32),
    sha1 character varying(40),
    sha256 character varying(64),
    uses integer NOT NULL,
    idle_since bigint NOT NULL,
    format character varying(16)
);
CREATE TABLE public.task (
    id bigint NOT NULL,
    account_id integer NOT NULL,
    job_id bigint NOT NULL,
    package_id bigint NOT NULL,
    device_id bigint NOT NULL,
    product_key character varying(256) NOT NULL,
    device_name character varying(256) NOT NULL,
    module character varying(64) NOT NULL,
    state character varying(16) NOT NULL,
    source_version character varying(256),
    version character varying(256) NOT NULL,
    progress smallint NOT NULL,
    note character varying(1024),
    attempts smallint NOT NULL,
    created bigint NOT NULL,
    modified bigint NOT NULL,
    started bigint,
    retry_at bigint,
    due bigint,
    action integer,
    recall character varying(16)
);
CREATE TABLE public.webhook (
    id bigint NOT NULL,
    account_id integer NOT NULL,
    url character varying(2048) NOT NULL,
    secret text NOT NULL,
    events text NOT NULL,
    enabled boolean NOT NULL,
    busy_until bigint NOT NULL,
    created bigint NOT NULL
);
CREATE TABLE public.webhook_delivery (
    id bigint NOT NULL,
    webhook_id bigint NOT NULL,
    event character varying(64) NOT NULL,
    body text NOT NULL,
    state character varying(16) NOT NULL,
    attempts smallint NOT NULL,
    next_at bigint,
    last_status smallint,
    last_error character varying(256),
    created bigint NOT NULL,
    done_at bigint
);
ALTER TABLE ONLY public.account ALTER COLUMN id SET DEFAULT nextval('public.account_id_seq'::regclass);
ALTER TABLE ONLY public.device_batch ALTER COLUMN id SET DEFAULT nextval('public.device_batch_id_seq'::regclass);
ALTER TABLE ONLY public.device_event ALTER COLUMN id SET DEFAULT nextval('public.device_event_id_seq'::regclass);
ALTER TABLE ONLY public.huey_schedule ALTER COLUMN id SET DEFAULT nextval('public.huey_schedule_id_seq'::regclass);
ALTER TABLE ONLY public.huey_task ALTER COLUMN id SET DEFAULT nextval('public.huey_task_id_seq'::regclass);
ALTER TABLE ONLY public.schema_migration ALTER COLUMN id SET DEFAULT nextval('public.schema_migration_id_seq'::regclass);
INSERT INTO public.access_key VALUES ('testid', 1, 'L94Vf0u7uGBxkPTKZQZ/nvckeQWFIPRWDHEz3gr/UA0rClLS/2s=', '*', true, 1795000000001);
INSERT INTO public.access_key VALUES ('otherid', 2, 'aQRPAvjyRmvTXDC/kwB8iiv3fvf7DSmAYxPt4MzZc8RQLg9ZQurw', '*', true, 1795000000004);
INSERT INTO public.access_key VALUES ('readerid', 1, 'LgHRirPZRj/KmVz46LZvkuynJYIQQTnhR61j0IfzvuOJ6Xi3o270fg==', 'ota:ListOTAFirmware', true, 1795000000007);
INSERT INTO public.access_key VALUES ('disabledid', 1, 'GTIUEnJkRKKNflv9Bw+nBcI5OCaeRHJBO5CI/GgEX8+eVcWu7GNMxqDe', '*', false, 1795000000010);
INSERT INTO public.account VALUES (1, 'main', 1795000000002);
INSERT INTO public.account VALUES (2, 'other', 1795000000005);
INSERT INTO public.answer VALUES (1, 'package.create', 'token-1', '0d1ffab4f00f2f21a7713b781c1fe5682d76a4ec7c830993c3b730fbe3a343e4', '{"id": 910849740264818721, "created": 1795000300848}', 1795000300850);
INSERT INTO public.audit_event VALUES (910848478425640176, 1, 1795000000003, 'cli', 'keys create', 'access key', 'testid', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848478440237788, 2, 1795000000006, 'cli', 'keys create', 'access key', 'otherid', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848478452086967, 1, 1795000000009, 'cli', 'keys create', 'access key', 'readerid', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848478464236534, 1, 1795000000012, 'cli', 'keys create', 'access key', 'disabledid', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848478471114475, 1, 1795000000013, 'cli', 'keys disable', 'access key', 'disabledid', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848478478329137, 1, 1795000000015, 'cli', 'projects create', 'project', '0a1b2c3d4e5f60718293a4b5c6d7e8f9', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848478485593759, 1, 1795000000017, 'cli', 'webhooks create', 'webhook', '910848478480197167', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848478494353024, 1, 1795000000019, 'cli', 'webhooks create', 'webhook', '910848478490585968', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848478496937758, 1, 1795000000020, 'cli', 'webhooks disable', 'webhook', '910848478490585968', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848478507408255, 1, 1795000000022, 'cli', 'products create', 'product', 'p', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848478517236927, 2, 1795000000024, 'cli', 'products create', 'product', 'q', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848478523437148, 1, 1795000000026, 'cli', 'products gateway-token set', 'product', 'p', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848478532151515, 1, 1795000000028, 'cli', 'products poll-interval', 'product', 'p', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848478558994474, 1, 1795000000034, 'testid', 'CreateProduct', 'product', 'a1itF2FlQfm', '', '127.0.0.1', '447e6845-6087-4bdf-ad78-79b96d8ac990');
INSERT INTO public.audit_event VALUES (910848478586180483, 1, 1795000000041, 'testid', 'CreateOTAModule', 'module', 'p/mcu', '', '127.0.0.1', '66a8a276-a328-499e-bb39-9db7df20df2f');
INSERT INTO public.audit_event VALUES (910848478616727508, 1, 1795000000048, 'testid', 'RegisterDevice', 'device', 'p/dev0', '', '127.0.0.1', '1319d8db-0c08-4423-be75-4c4f34d4f21f');
INSERT INTO public.audit_event VALUES (910848478665566225, 1, 1795000000060, 'testid', 'RegisterDevice', 'device', 'p/dev1', '', '127.0.0.1', '06c6cc85-9a45-4f99-8d2f-c516066debc0');
INSERT INTO public.audit_event VALUES (910848478717022728, 1, 1795000000072, 'testid', 'RegisterDevice', 'device', 'p/dev2', '', '127.0.0.1', '751df529-77b5-4b12-b7b8-8eb136ab9ead');
INSERT INTO public.audit_event VALUES (910848478768751889, 1, 1795000000084, 'testid', 'RegisterDevice', 'device', 'p/dev3', '', '127.0.0.1', '474be44f-b525-4c42-a82b-8587f3ddab61');
INSERT INTO public.audit_event VALUES (910848478816650459, 1, 1795000000096, 'testid', 'RegisterDevice', 'device', 'p/dev4', '', '127.0.0.1', 'be4f35d7-bb72-455b-9a13-b3aec8e6a033');
INSERT INTO public.audit_event VALUES (910848478867069546, 1, 1795000000108, 'testid', 'RegisterDevice', 'device', 'p/dev5', '', '127.0.0.1', '5a538e70-e0bd-43d0-bdd9-ca651aa15ed0');
INSERT INTO public.audit_event VALUES (910848478916946726, 1, 1795000000120, 'testid', 'RegisterDevice', 'device', 'p/dev6', '', '127.0.0.1', '5003a0fb-1a38-4e7c-ab71-d142db83476d');
INSERT INTO public.audit_event VALUES (910848478970551007, 1, 1795000000132, 'testid', 'RegisterDevice', 'device', 'p/dev7', '', '127.0.0.1', '84aa8d30-ccda-495e-96b5-49cee80f6719');
INSERT INTO public.audit_event VALUES (910848479020420777, 1, 1795000000144, 'testid', 'RegisterDevice', 'device', 'p/dev8', '', '127.0.0.1', '428c8ffc-be9a-456e-9960-614fcaceda3b');
INSERT INTO public.audit_event VALUES (910848479069688393, 1, 1795000000156, 'testid', 'RegisterDevice', 'device', 'p/dev9', '', '127.0.0.1', 'adf7a067-b139-433c-b57f-df3a009b5a51');
INSERT INTO public.audit_event VALUES (910848479120473862, 1, 1795000000168, 'testid', 'RegisterDevice', 'device', 'p/dev10', '', '127.0.0.1', 'dbc5b2d9-e89c-4448-892b-70b2f3703b21');
INSERT INTO public.audit_event VALUES (910848479168078472, 1, 1795000000180, 'testid', 'RegisterDevice', 'device', 'p/dev11', '', '127.0.0.1', 'bb4d3d30-3af1-4a8d-b6b5-4964ce230b6c');
INSERT INTO public.audit_event VALUES (910848479220771419, 1, 1795000000192, 'testid', 'RegisterDevice', 'device', 'p/silent', '', '127.0.0.1', '3ce48c3b-a955-408a-af87-862693cd9339');
INSERT INTO public.audit_event VALUES (910848479250776696, 1, 1795000000199, 'testid', 'RegisterDevice', 'device', 'p/dev-ddi', '', '127.0.0.1', '07477ff5-f4e2-4c74-b903-8e560d0c55ea');
INSERT INTO public.audit_event VALUES (910848479280092739, 1, 1795000000206, 'cli', 'devices token set', 'device', 'p/dev-ddi', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848479368665635, 1, 1795000000227, 'testid', 'RegisterDevice', 'device', 'p/disabled', '', '127.0.0.1', 'b484dd2b-7f20-472d-9328-4343101d6f87');
INSERT INTO public.audit_event VALUES (910848479411847316, 1, 1795000000238, 'testid', 'DisableThing', 'device', 'p/disabled', '', '127.0.0.1', 'cae2fc4b-0e57-4b8f-a155-b96fc4c61389');
INSERT INTO public.audit_event VALUES (910848479438821861, 1, 1795000000244, 'testid', 'CreateDeviceGroup', 'device group', '910848479434522452', '', '127.0.0.1', 'f86bcb7f-e01f-4f61-94a9-78138e55035a');
INSERT INTO public.audit_event VALUES (910848479463014889, 1, 1795000000250, 'testid', 'CreateDeviceGroup', 'device group', '910848479461217623', '', '127.0.0.1', '98bf72e1-ee41-47c1-81ab-59f0cf361e3c');
INSERT INTO public.audit_event VALUES (910848479484586771, 1, 1795000000255, 'testid', 'BatchAddDeviceGroupRelations', 'device group', '910848479461217623', '', '127.0.0.1', '0798b010-0c4e-4896-8b7b-56a25bf69e2a');
INSERT INTO public.audit_event VALUES (910848479511394117, 1, 1795000000261, 'testid', 'BatchRegisterDevice', 'device batch', '1', '', '127.0.0.1', '78d573d9-6b65-4927-83e8-1d912b40d4f0');
INSERT INTO public.audit_event VALUES (910848479544173617, 1, 1795000000269, 'testid', 'BatchCheckDeviceNames', 'device batch', '2', '', '127.0.0.1', '022dfbff-4036-48cf-a1d8-1826dc7627e2');
INSERT INTO public.audit_event VALUES (910848479572870062, 1, 1795000000276, 'testid', 'BatchRegisterDeviceWithApplyId', 'device batch', '2', '', '127.0.0.1', '3f2ce9f2-5bcc-4402-af01-5c0db0e29b55');
INSERT INTO public.audit_event VALUES (910848479598674032, 1, 1795000000282, 'testid', 'BatchCheckDeviceNames', 'device batch', '3', '', '127.0.0.1', '2fa6edd3-edbd-4c92-acfb-317e216f63b5');
INSERT INTO public.audit_event VALUES (910848479611459657, 1, 1795000000285, 'cli', 'keys signing create', 'signing key', 'team', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848479623174888, 1, 1795000000288, 'cli', 'keys signing create', 'signing key', 'old-team', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848479625421422, 1, 1795000000289, 'cli', 'keys signing disable', 'signing key', 'old-team', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848479654969990, 1, 1795000000296, 'testid', 'GenerateOTAUploadURL', 'file', 'ota/firmware/8aa6c574-fb8e-4e73-b196-35db6e0960cf.apk', '', '127.0.0.1', '836aaadc-f358-4922-9c31-5aa97f7bbb38');
INSERT INTO public.audit_event VALUES (910848479701805495, 1, 1795000000307, 'testid', 'GenerateOTAUploadURL', 'file', 'ota/firmware/84ea1c10-f494-4d3e-bfb1-75321d7d6c94.bin', '', '127.0.0.1', '02d83c6e-0c9b-48a3-a08c-c87e8f75b3fb');
INSERT INTO public.audit_event VALUES (910848479745251587, 1, 1795000000317, 'testid', 'CreateOTAFirmware', 'package', '910848479739149331', '', '127.0.0.1', '97096fd3-3dae-456e-9aa0-9647a6089cc1');
INSERT INTO public.audit_event VALUES (910848479781190422, 1, 1795000000326, 'testid', 'CreateOTAFirmware', 'package', '910848479778756250', '', '127.0.0.1', '354790be-c117-4fff-9ab8-0a9bf1503b9b');
INSERT INTO public.audit_event VALUES (910848479811725092, 1, 1795000000333, 'testid', 'CreateOTAFirmware', 'package', '910848479808469529', '', '127.0.0.1', 'e27fed02-acb8-4edc-b67e-d0fa4ca36116');
INSERT INTO public.audit_event VALUES (910848479839462528, 1, 1795000000340, 'testid', 'GenerateOTAUploadURL', 'file', 'ota/firmware/1e59c37b-7fa0-4b87-80cf-437081697efb.bin', '', '127.0.0.1', 'e6b489bd-9fa8-45ae-82af-61fa57e7546a');
INSERT INTO public.audit_event VALUES (910848479884919555, 1, 1795000000350, 'testid', 'CreateOTAFirmware', 'package', '910848479878370099', '', '127.0.0.1', '6a1ca59b-e1f9-4a22-a8c9-678297ecdb35');
INSERT INTO public.audit_event VALUES (910848479918534087, 1, 1795000000358, 'testid', 'GenerateOTAUploadURL', 'file', 'ota/firmware/3c124fad-ee63-4c45-831a-51911b7039df.bin', '', '127.0.0.1', '10d2d94b-d4e8-44ce-8e67-3260cdfaccf4');
INSERT INTO public.audit_event VALUES (910848479958218193, 1, 1795000000368, 'testid', 'CreateOTAFirmware', 'package', '910848479956152076', '', '127.0.0.1', '2e83dc02-acc3-4b65-bfc4-8fade4586767');
INSERT INTO public.audit_event VALUES (910848479990742886, 1, 1795000000376, 'testid', 'GenerateOTAUploadURL', 'file', 'ota/firmware/2fafb03d-2894-40aa-9d96-a123a2002b1e.bin', '', '127.0.0.1', '97e5e06b-d76a-4163-a4b0-0a686cb16736');
INSERT INTO public.audit_event VALUES (910848480031960950, 1, 1795000000386, 'testid', 'CreateOTAFirmware', 'package', '910848480029233694', '', '127.0.0.1', 'd1766952-5100-4dd4-b9ed-5e17f620acf6');
INSERT INTO public.audit_event VALUES (910848480073124812, 1, 1795000000395, 'testid', 'CreateOTAFirmware', 'package', '910848480068418097', '', '127.0.0.1', 'fb99a530-782a-4ade-80ce-72eb89de8182');
INSERT INTO public.audit_event VALUES (910848480106353338, 1, 1795000000403, 'testid', 'CreateOTAFirmware', 'package', '910848480100071000', '', '127.0.0.1', 'f4f47f65-e640-4934-a0e4-56a47354b336');
INSERT INTO public.audit_event VALUES (910848480130934919, 2, 1795000000409, 'otherid', 'CreateOTAFirmware', 'package', '910848480125911897', '', '127.0.0.1', '83555c5a-eb34-443d-9fa4-45739d9fb787');
INSERT INTO public.audit_event VALUES (910848480149322855, 1, 1795000000414, 'testid', 'DeleteOTAFirmware', 'package', '910848480100071000', '', '127.0.0.1', '0a4761a0-4e17-4293-8f05-54f900af7906');
INSERT INTO public.audit_event VALUES (910848480164263212, 1, 1795000000417, 'cli', 'products minimum', 'module', 'p/default', '', 'root@vm', '');
INSERT INTO public.audit_event VALUES (910848480201053104, 1, 1795000000426, 'testid', 'CreateOTAStaticUpgradeJob', 'job', '910848480188085082', '', '127.0.0.1', '822b58b2-1eca-49f1-a5e4-e977e86fbabf');
INSERT INTO public.audit_event VALUES (910848480627724864, 1, 1795000000528, 'testid', 'CancelOTATaskByDevice', 'device', 'p/dev5', '', '127.0.0.1', '9edf75d5-3822-4f8c-99da-7ba2b73f9aa4');
INSERT INTO public.audit_event VALUES (910848480665164040, 1, 1795000000537, 'testid', 'CreateOTAStaticUpgradeJob', 'job', '910848480656124561', '', '127.0.0.1', '847b9fd6-fe5e-40ec-a216-34d3e001666e');
INSERT INTO public.audit_event VALUES (910848480729540063, 1, 1795000000552, 'testid', 'CreateOTAStaticUpgradeJob', 'job', '910848480718487733', '', '127.0.0.1', 'a14f27b6-be8e-4e5f-988a-8fc4c1d22ec1');
INSERT INTO public.audit_event VALUES (910848480875846865, 1, 1795000000587, 'testid', 'CreateOTAStaticUpgradeJob', 'job', '910848480866312391', '', '127.0.0.1', '47c122e5-79df-4dae-9aba-906a36fa5649');
INSERT INTO public.audit_event VALUES (910848480940911145, 1, 1795000000602, 'testid', 'CreateOTAStaticUpgradeJob', 'job', '910848480928301170', '', '127.0.0.1', 'bbdade4f-e202-4fe6-b497-097903aa099f');
INSERT INTO public.audit_event VALUES (910848480996876132, 1, 1795000000616, 'testid', 'PauseOTAJob', 'job', '910848480928301170', '', '127.0.0.1', '68561468-6b4e-4ea6-b434-5d3a6a62b849');
INSERT INTO public.audit_event VALUES (910848481034250013, 1, 1795000000625, 'testid', 'CreateOTAStaticUpgradeJob', 'job', '910848481023679757', '', '127.0.0.1', 'e77d9e39-1376-44fb-b5e7-838a0e373dee');
INSERT INTO public.audit_event VALUES (910848481101093761, 1, 1795000000640, 'testid', 'CreateOTAVerifyJob', 'job', '910848481080930398', '', '127.0.0.1', '3b9ac8ef-8f0c-4f39-b44a-9e6c3c9da7d5');
INSERT INTO public.audit_event VALUES (910848481163938610, 1, 1795000000655, 'testid', 'CreateOTAStaticUpgradeJob', 'job', '910848481149650788', '', '127.0.0.1', 'ced91b86-f1d6-4ff0-98c7-73c6ba073c04');
INSERT INTO public.audit_event VALUES (910848481335543276, 1, 1795000000696, 'testid', 'CreateOTADynamicUpgradeJob', 'job', '910848481322283271', '', '127.0.0.1', 'a68c8c1f-92d6-4bc8-8cea-682170849ada');
INSERT INTO public.audit_event VALUES (910848481366103922, 1, 1795000000704, 'testid', 'CreateOTADynamicUpgradeJob', 'job', '910848481354181482', '', '127.0.0.1', '1ffab9a2-7f66-4d86-b7f4-27538b463371');
INSERT INTO public.audit_event VALUES (910848481415529368, 1, 1795000000715, 'testid', 'CancelOTAStrategyByJob', 'job', '910848481354181482', '', '127.0.0.1', 'b060e2bd-6be6-4b42-8b82-f9a8d6f55ead');
INSERT INTO public.audit_event VALUES (910848481443355306, 1, 1795000000722, 'testid', 'RegisterDevice', 'device', 'p/late', '', '127.0.0.1', '7a3c270e-a74c-4a09-b54b-344706a452a4');
INSERT INTO public.audit_event VALUES (910848481510263167, 1, 1795000000738, 'testid', 'AddApplication', 'space', 'Doors', '', '127.0.0.1', '961de11b-b8b8-48d3-abef-9f1336822112');
INSERT INTO public.audit_event VALUES (910848481529567643, 1, 1795000000743, 'testid', 'CreateProduct', 'product', 'door', '', '127.0.0.1', 'bede3bab-b997-4539-8566-d991f0090713');
INSERT INTO public.audit_event VALUES (910848481555940381, 1, 1795000000749, 'testid', 'AddDevice', 'device', 'door/door1', '', '127.0.0.1', '2ff903ac-f642-4fea-bb5d-ca3f1668f1d9');
INSERT INTO public.audit_event VALUES (910848481601352344, 1, 1795000000760, 'testid', 'AddDevice', 'device', 'door/door2', '', '127.0.0.1', '3ee19848-5ac8-4ffe-9976-f10939d2f226');
INSERT INTO public.audit_event VALUES (910848481646746704, 1, 1795000000771, 'testid', 'AddDevice', 'device', 'door/door3', '', '127.0.0.1', '14fa269f-e004-4229-b3f0-368c536bd5f4');
INSERT INTO public.audit_event VALUES (910848481693500868, 1, 1795000000782, 'testid', 'CreateOtaModule', 'module', 'door/radio', '', '127.0.0.1', 'e0fc35d0-a0ba-43da-89aa-9b44aa904bfa');
INSERT INTO public.audit_event VALUES (910848481718347863, 1, 1795000000788, 'testid', 'CreateOtaPackage', 'file', 'ota/objects/44a31172-2ced-4078-8d5f-bdf359f25280.bin', '', '127.0.0.1', '7657dfe5-d32f-4f6e-9644-554c6c4253df');
INSERT INTO public.audit_event VALUES (910848481733025748, 1, 1795000000791, 'testid', 'CreateOtaPackage', 'package', '910848481728676549', '', '127.0.0.1', '7657dfe5-d32f-4f6e-9644-554c6c4253df');
INSERT INTO public.audit_event VALUES (910848481757907964, 1, 1795000000797, 'testid', 'CreateOtaPackage', 'file', 'ota/objects/e8225c13-89b4-4426-8820-e7d58ec9130d.bin', '', '127.0.0.1', 'abf9dcfe-919d-45f8-a732-b31118bb1ef2');
INSERT INTO public.audit_event VALUES (910848481771658692, 1, 1795000000800, 'testid', 'CreateOtaPackage', 'package', '910848481766686080', '', '127.0.0.1', 'abf9dcfe-919d-45f8-a732-b31118bb1ef2');
INSERT INTO public.audit_event VALUES (910848481805426950, 1, 1795000000808, 'testid', 'CreateBatchTask', 'job', '910848481791605020', '', '127.0.0.1', 'c82a0ae2-7f73-403e-b03f-a5ba2bf39d37');
INSERT INTO public.audit_event VALUES (910848481860779600, 1, 1795000000822, 'testid', 'CreateBatchTask', 'job', '910848481848857129', '', '127.0.0.1', '39b4963b-6d0a-4426-9f5c-91dda3224331');
INSERT INTO public.audit_event VALUES (910849740267941365, 1, 1795000300849, 'testid', 'CreateOTAFirmware', 'package', '910849740264818721', '', '127.0.0.1', '2ef8c327-82a0-4e92-8628-8e5c875cb0cd');
INSERT INTO public.audit_event VALUES (910849740299459189, 1, 1795000300857, 'testid', 'GenerateOTAUploadURL', 'file', 'ota/firmware/c229045d-1979-48dc-bf0f-5518a211d8fb.bin', '', '127.0.0.1', 'b58e158b-5e21-432d-a196-30f6fbbf2b37');
INSERT INTO public.audit_event VALUES (910849740345073957, 1, 1795000300868, 'testid', 'GenerateOTAUploadURL', 'file', 'ota/firmware/456deb48-7d01-4b38-94df-12c53da86e7c.bin', '', '127.0.0.1', '9e27d65a-a352-4546-9f29-e8c186c46b88');
INSERT INTO public.counter VALUES (2, 'product', 1);
INSERT INTO public.counter VALUES (2, 'product/edition=5:basic', 1);
INSERT INTO public.counter VALUES (1, 'device of group/group=18:910848479461217623', 2);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/version=3:2.0', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/version=3:2.0/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:2.0', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:2.0/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/version=3:2.1', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/version=3:2.1/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:2.1', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:2.1/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/version=3:2.2', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/version=3:2.2/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:2.2', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:2.2/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/kind=6:module', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/kind=6:module', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/version=3:3.2', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/version=3:3.2/kind=6:module', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:3.2', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:3.2/kind=6:module', 1);
INSERT INTO public.counter VALUES (1, 'packages of module/product_key=1:p/module=3:mcu', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/version=3:2.3', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/version=3:2.3/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:2.3', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:2.3/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p', 6);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/kind=8:firmware', 5);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/version=3:2.4', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=1:p/version=3:2.4/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:2.4', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:2.4/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:9.9', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:9.9/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (2, 'package', 1);
INSERT INTO public.counter VALUES (2, 'package/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (2, 'package/product_key=1:q', 1);
INSERT INTO public.counter VALUES (2, 'package/product_key=1:q/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (2, 'package/product_key=1:q/version=3:2.0', 1);
INSERT INTO public.counter VALUES (2, 'package/product_key=1:q/version=3:2.0/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (2, 'package/version=3:2.0', 1);
INSERT INTO public.counter VALUES (2, 'package/version=3:2.0/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:0.1', 0);
INSERT INTO public.counter VALUES (1, 'package/version=3:0.1/kind=8:firmware', 0);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848480188085082/state=9:succeeded', 1);
INSERT INTO public.counter VALUES (1, 'product', 3);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848480188085082/state=6:failed', 1);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848480188085082/state=8:notified', 1);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848480188085082/state=11:in_progress', 1);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848480188085082/state=6:queued', 2);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848480188085082/state=8:canceled', 1);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848480656124561/state=7:confirm', 1);
INSERT INTO public.counter VALUES (1, 'job/package=18:910848479808469529', 1);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848480718487733/state=6:queued', 0);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848480718487733/state=8:notified', 1);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848480866312391/state=6:queued', 1);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848480928301170/state=6:queued', 1);
INSERT INTO public.counter VALUES (1, 'job/package=18:910848479878370099', 1);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848481023679757/state=6:queued', 1);
INSERT INTO public.counter VALUES (1, 'job/package=18:910848480029233694', 1);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848481080930398/state=6:queued', 1);
INSERT INTO public.counter VALUES (1, 'job/package=18:910848479956152076', 1);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848481149650788/state=6:queued', 0);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848481149650788/state=8:notified', 0);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848481149650788/state=9:succeeded', 1);
INSERT INTO public.counter VALUES (1, 'job/package=18:910848479739149331', 4);
INSERT INTO public.counter VALUES (1, 'job/package=18:910848479778756250', 2);
INSERT INTO public.counter VALUES (1, 'device/product_key=1:p', 20);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848481322283271/state=6:queued', 1);
INSERT INTO public.counter VALUES (1, 'product/edition=5:basic', 3);
INSERT INTO public.counter VALUES (1, 'device/product_key=4:door', 3);
INSERT INTO public.counter VALUES (1, 'package/product_key=4:door/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=4:door/version=4:V2.0', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=4:door/version=4:V2.0/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/version=4:V2.0', 1);
INSERT INTO public.counter VALUES (1, 'package/version=4:V2.0/kind=8:firmware', 1);
INSERT INTO public.counter VALUES (1, 'package/kind=8:software', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=4:door', 2);
INSERT INTO public.counter VALUES (1, 'package/product_key=4:door/kind=8:software', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=4:door/version=2:S1', 1);
INSERT INTO public.counter VALUES (1, 'package/product_key=4:door/version=2:S1/kind=8:software', 1);
INSERT INTO public.counter VALUES (1, 'package/version=2:S1', 1);
INSERT INTO public.counter VALUES (1, 'package/version=2:S1/kind=8:software', 1);
INSERT INTO public.counter VALUES (1, 'job/package=18:910848481728676549', 1);
INSERT INTO public.counter VALUES (1, 'job/package=18:910848481766686080', 1);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848481848857129/state=6:queued', 1);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848481791605020/state=6:queued', 1);
INSERT INTO public.counter VALUES (1, 'task/job=18:910848481791605020/state=8:notified', 1);
INSERT INTO public.counter VALUES (1, 'package', 10);
INSERT INTO public.counter VALUES (1, 'package/kind=8:firmware', 8);
INSERT INTO public.counter VALUES (1, 'package/version=3:1.0', 1);
INSERT INTO public.counter VALUES (1, 'package/version=3:1.0/kind=8:firmware', 1);
INSERT INTO public.device VALUES (910848478763611111, 1, 'p', 'dev3', NULL, NULL, true, 1795000000082, 1795000000082, 1795000000087, 1795000000087, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848478813095712, 1, 'p', 'dev4', NULL, NULL, true, 1795000000094, 1795000000094, 1795000000099, 1795000000099, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848478861926449, 1, 'p', 'dev5', NULL, NULL, true, 1795000000106, 1795000000106, 1795000000111, 1795000000111, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848478912686001, 1, 'p', 'dev6', NULL, NULL, true, 1795000000118, 1795000000118, 1795000000123, 1795000000123, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848479015838551, 1, 'p', 'dev8', NULL, NULL, true, 1795000000142, 1795000000142, 1795000000147, 1795000000147, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848479065471527, 1, 'p', 'dev9', NULL, NULL, true, 1795000000154, 1795000000154, 1795000000159, 1795000000159, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848479116044331, 1, 'p', 'dev10', NULL, NULL, true, 1795000000166, 1795000000166, 1795000000171, 1795000000171, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848479217810161, 1, 'p', 'silent', NULL, NULL, true, 1795000000190, 1795000000190, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848479246225444, 1, 'p', 'dev-ddi', NULL, NULL, true, 1795000000197, 1795000000205, 1795000000202, 1795000000208, '127.0.0.1', NULL, 'jb3BIgB488XKrvlGu1A3MQLUa47pBimJkc58s9jwiD+q1/LZGaeAtUH5FrOcjfseZNc=', '{"version": "1.0", "hw": "7"}');
INSERT INTO public.device VALUES (910848479364756723, 1, 'p', 'disabled', NULL, NULL, false, 1795000000225, 1795000000237, 1795000000230, 1795000000230, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848479518266169, 1, 'p', '7JW68aNL5RNOQtuFLG2Y', NULL, NULL, true, 1795000000262, 1795000000262, NULL, NULL, NULL, 1, NULL, NULL);
INSERT INTO public.device VALUES (910848479518266170, 1, 'p', 'go5lDkHRgmkto38ej3GP', NULL, NULL, true, 1795000000262, 1795000000262, NULL, NULL, NULL, 1, NULL, NULL);
INSERT INTO public.device VALUES (910848479566503837, 1, 'p', 'batch1', NULL, NULL, true, 1795000000274, 1795000000274, NULL, NULL, NULL, 2, NULL, NULL);
INSERT INTO public.device VALUES (910848479566503838, 1, 'p', 'batch2', NULL, NULL, true, 1795000000274, 1795000000274, NULL, NULL, NULL, 2, NULL, NULL);
INSERT INTO public.device VALUES (910848478611798306, 1, 'p', 'dev0', NULL, NULL, true, 1795000000046, 1795000000046, 1795000000051, 1795000000496, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848478662675801, 1, 'p', 'dev1', NULL, NULL, true, 1795000000058, 1795000000058, 1795000000063, 1795000000505, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848478714271727, 1, 'p', 'dev2', NULL, NULL, true, 1795000000070, 1795000000070, 1795000000075, 1795000000513, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848478965135799, 1, 'p', 'dev7', NULL, NULL, true, 1795000000130, 1795000000130, 1795000000135, 1795000000574, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848479164992371, 1, 'p', 'dev11', NULL, NULL, true, 1795000000178, 1795000000178, 1795000000183, 1795000000677, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848481439529155, 1, 'p', 'late', NULL, NULL, true, 1795000000720, 1795000000720, 1795000000725, 1795000000725, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848481553191439, 1, 'door', 'door1', NULL, 'XGxt+TpsuXVLyudpsVtNqPOZMKHTDZmHXvZdmZtblVBSjU6Zhv3QtA==', true, 1795000000747, 1795000000747, 1795000000752, 1795000000752, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848481598281796, 1, 'door', 'door2', NULL, 'Qddg5a/BFigB9NhcQmLkZH7iHtnOo4qNtbCgIf2OvqzTDQ7fSnDX8Q==', true, 1795000000758, 1795000000758, 1795000000763, 1795000000763, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device VALUES (910848481645417521, 1, 'door', 'door3', NULL, '5M6ghabHDiCvy3ymu2QFGb/6fB4w+ZUgcf/nTn8L3Xyhi+9ryqO87Q==', true, 1795000000769, 1795000000769, 1795000000774, 1795000000774, '127.0.0.1', NULL, NULL, NULL);
INSERT INTO public.device_batch VALUES (1, 1, 'p', 'registered', '[["7JW68aNL5RNOQtuFLG2Y", null], ["go5lDkHRgmkto38ej3GP", null]]', '[]', 1795000000260);
INSERT INTO public.device_batch VALUES (2, 1, 'p', 'registered', '[["batch1", null], ["batch2", null]]', '[]', 1795000000268);
INSERT INTO public.device_batch VALUES (3, 1, 'p', 'checked', '[["batch3", null]]', '[]', 1795000000281);
INSERT INTO public.device_event VALUES (1, 910848478611798306, 1795000000053, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (2, 910848478662675801, 1795000000065, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (3, 910848478714271727, 1795000000077, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (4, 910848478763611111, 1795000000089, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (5, 910848478813095712, 1795000000101, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (6, 910848478861926449, 1795000000113, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (7, 910848478912686001, 1795000000125, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (8, 910848478965135799, 1795000000137, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (9, 910848479015838551, 1795000000149, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (10, 910848479065471527, 1795000000161, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (11, 910848479116044331, 1795000000173, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (12, 910848479164992371, 1795000000185, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (13, 910848479246225444, 1795000000204, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (14, 910848479246225444, 1795000000210, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (15, 910848478611798306, 1795000000215, 'reported', NULL, NULL, 'mcu 3.1');
INSERT INTO public.device_event VALUES (16, 910848478965135799, 1795000000220, 'reported', NULL, NULL, 'default 1.5');
INSERT INTO public.device_event VALUES (17, 910848479364756723, 1795000000232, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (18, 910848478611798306, 1795000000440, 'decided', 910848480188085082, 910848480206986331, 'notified');
INSERT INTO public.device_event VALUES (19, 910848478611798306, 1795000000443, 'offered', 910848480188085082, 910848480206986331, 'version 2.0');
INSERT INTO public.device_event VALUES (20, 910848478611798306, 1795000000444, 'link', 910848480188085082, 910848480206986331, 'where to download from');
INSERT INTO public.device_event VALUES (21, 910848478662675801, 1795000000453, 'decided', 910848480188085082, 910848480206986332, 'notified');
INSERT INTO public.device_event VALUES (22, 910848478662675801, 1795000000456, 'offered', 910848480188085082, 910848480206986332, 'version 2.0');
INSERT INTO public.device_event VALUES (23, 910848478662675801, 1795000000457, 'link', 910848480188085082, 910848480206986332, 'where to download from');
INSERT INTO public.device_event VALUES (24, 910848478714271727, 1795000000466, 'decided', 910848480188085082, 910848480206986333, 'notified');
INSERT INTO public.device_event VALUES (25, 910848478714271727, 1795000000469, 'offered', 910848480188085082, 910848480206986333, 'version 2.0');
INSERT INTO public.device_event VALUES (26, 910848478714271727, 1795000000470, 'link', 910848480188085082, 910848480206986333, 'where to download from');
INSERT INTO public.device_event VALUES (27, 910848478763611111, 1795000000479, 'decided', 910848480188085082, 910848480206986334, 'notified');
INSERT INTO public.device_event VALUES (28, 910848478763611111, 1795000000482, 'offered', 910848480188085082, 910848480206986334, 'version 2.0');
INSERT INTO public.device_event VALUES (29, 910848478763611111, 1795000000483, 'link', 910848480188085082, 910848480206986334, 'where to download from');
INSERT INTO public.device_event VALUES (30, 910848478611798306, 1795000000488, 'progress', 910848480188085082, 910848480206986331, '100%');
INSERT INTO public.device_event VALUES (31, 910848478611798306, 1795000000491, 'decided', 910848480188085082, 910848480206986331, 'in_progress');
INSERT INTO public.device_event VALUES (32, 910848478611798306, 1795000000498, 'reported', NULL, NULL, 'default 2.0');
INSERT INTO public.device_event VALUES (33, 910848478611798306, 1795000000500, 'decided', 910848480188085082, 910848480206986331, 'succeeded');
INSERT INTO public.device_event VALUES (34, 910848478662675801, 1795000000506, 'progress', 910848480188085082, 910848480206986332, 'failed: no space');
INSERT INTO public.device_event VALUES (35, 910848478662675801, 1795000000508, 'decided', 910848480188085082, 910848480206986332, 'failed: no space');
INSERT INTO public.device_event VALUES (36, 910848478714271727, 1795000000514, 'progress', 910848480188085082, 910848480206986333, '40%');
INSERT INTO public.device_event VALUES (37, 910848478714271727, 1795000000517, 'decided', 910848480188085082, 910848480206986333, 'in_progress');
INSERT INTO public.device_event VALUES (38, 910848478861926449, 1795000000525, 'decided', 910848480188085082, 910848480206986336, 'canceled: canceled by the operator');
INSERT INTO public.device_event VALUES (39, 910848478965135799, 1795000000566, 'decided', 910848480718487733, 910848480735813354, 'notified');
INSERT INTO public.device_event VALUES (40, 910848478965135799, 1795000000569, 'offered', 910848480718487733, 910848480735813354, 'version 2.2');
INSERT INTO public.device_event VALUES (41, 910848478965135799, 1795000000570, 'link', 910848480718487733, 910848480735813354, 'where to download from');
INSERT INTO public.device_event VALUES (42, 910848478965135799, 1795000000575, 'progress', 910848480718487733, 910848480735813354, 'failed: try again');
INSERT INTO public.device_event VALUES (43, 910848478965135799, 1795000000577, 'decided', 910848480718487733, 910848480735813354, 'try again; to be tried again');
INSERT INTO public.device_event VALUES (44, 910848479164992371, 1795000000669, 'decided', 910848481149650788, 910848481164872219, 'notified');
INSERT INTO public.device_event VALUES (45, 910848479164992371, 1795000000672, 'offered', 910848481149650788, 910848481164872219, 'version 2.3');
INSERT INTO public.device_event VALUES (46, 910848479164992371, 1795000000673, 'link', 910848481149650788, 910848481164872219, 'where to download from');
INSERT INTO public.device_event VALUES (47, 910848479164992371, 1795000000679, 'reported', NULL, NULL, 'default 2.3');
INSERT INTO public.device_event VALUES (48, 910848479164992371, 1795000000681, 'decided', 910848481149650788, 910848481164872219, 'succeeded');
INSERT INTO public.device_event VALUES (49, 910848481439529155, 1795000000727, 'reported', NULL, NULL, 'default 0.9');
INSERT INTO public.device_event VALUES (50, 910848481439529155, 1795000000732, 'decided', 910848481322283271, 910848481473153073, 'selected by a dynamic job for 2.0');
INSERT INTO public.device_event VALUES (51, 910848481553191439, 1795000000754, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (52, 910848481598281796, 1795000000765, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (53, 910848481645417521, 1795000000776, 'reported', NULL, NULL, 'default 1.0');
INSERT INTO public.device_event VALUES (54, 910848481553191439, 1795000000836, 'decided', 910848481791605020, 910848481806843638, 'notified');
INSERT INTO public.device_event VALUES (55, 910848481553191439, 1795000000839, 'offered', 910848481791605020, 910848481806843638, 'version V2.0');
INSERT INTO public.device_event VALUES (56, 910848481553191439, 1795000000840, 'link', 910848481791605020, 910848481806843638, 'where to download from');
INSERT INTO public.device_group VALUES (910848479434522452, 1, 'top_group', 'all', NULL, 1795000000243);
INSERT INTO public.device_group VALUES (910848479461217623, 1, 'inner_group', NULL, 910848479434522452, 1795000000249);
INSERT INTO public.device_group_member VALUES (910848479461217623, 910848478662675801);
INSERT INTO public.device_group_member VALUES (910848479461217623, 910848478714271727);
INSERT INTO public.device_origin VALUES (910848481553191439, 1, NULL, '{"app_id": "121bee96891d2d8061489440", "extension_info": {"k": "v"}}');
INSERT INTO public.device_origin VALUES (910848481598281796, 1, NULL, '{"app_id": "121bee96891d2d8061489440", "extension_info": {"k": "v"}}');
INSERT INTO public.device_origin VALUES (910848481645417521, 1, NULL, '{"app_id": "121bee96891d2d8061489440", "extension_info": {"k": "v"}}');
INSERT INTO public.device_version VALUES (910848478662675801, 'default', 'default', '1.0', 1795000000064);
INSERT INTO public.device_version VALUES (910848478714271727, 'default', 'default', '1.0', 1795000000076);
INSERT INTO public.device_version VALUES (910848478763611111, 'default', 'default', '1.0', 1795000000088);
INSERT INTO public.device_version VALUES (910848478813095712, 'default', 'default', '1.0', 1795000000100);
INSERT INTO public.device_version VALUES (910848478861926449, 'default', 'default', '1.0', 1795000000112);
INSERT INTO public.device_version VALUES (910848478912686001, 'default', 'default', '1.0', 1795000000124);
INSERT INTO public.device_version VALUES (910848479015838551, 'default', 'default', '1.0', 1795000000148);
INSERT INTO public.device_version VALUES (910848479065471527, 'default', 'default', '1.0', 1795000000160);
INSERT INTO public.device_version VALUES (910848479116044331, 'default', 'default', '1.0', 1795000000172);
INSERT INTO public.device_version VALUES (910848479246225444, 'default', 'default', '1.0', 1795000000209);
INSERT INTO public.device_version VALUES (910848478611798306, 'mcu', 'mcu', '3.1', 1795000000214);
INSERT INTO public.device_version VALUES (910848478965135799, 'default', 'default', '1.5', 1795000000219);
INSERT INTO public.device_version VALUES (910848479364756723, 'default', 'default', '1.0', 1795000000231);
INSERT INTO public.device_version VALUES (910848478611798306, 'default', 'default', '2.0', 1795000000497);
INSERT INTO public.device_version VALUES (910848479164992371, 'default', 'default', '2.3', 1795000000678);
INSERT INTO public.device_version VALUES (910848481439529155, 'default', 'default', '0.9', 1795000000726);
INSERT INTO public.device_version VALUES (910848481553191439, 'default', 'default', '1.0', 1795000000753);
INSERT INTO public.device_version VALUES (910848481598281796, 'default', 'default', '1.0', 1795000000764);
INSERT INTO public.device_version VALUES (910848481645417521, 'default', 'default', '1.0', 1795000000775);
INSERT INTO public.fact VALUES ('master key', 'a3107b94928b617ea03bef2851660492');
INSERT INTO public.huey_task VALUES (1, 'otagw_634021c8bdc6', '\x80059572000000000000008c0d687565792e7265676973747279948c074d657373616765949394288c2461613439393239612d313538612d343562342d383032332d303633383835653963393232948c156f746167772e7461736b71756575652e7377656570944e4b004b004e297d944e4e4e4e4e4e4b00749481942e3a39343531633665613165646330306231353566393661656665616365356537613334326139383439', 0);
INSERT INTO public.job VALUES (910848480188085082, 1, 910848479739149331, 'p', 'default', '2.0', 'upgrade', 'static', 'specific', 'in_progress', '{"source_versions": [], "names": ["dev0", "dev1", "dev2", "dev3", "dev4", "dev5", "dev-ddi"], "list_key": null, "group_id": null, "percent": null, "timeout": null, "retry_interval": null, "retry_count": 0, "per_minute": 10000, "overwrite": false, "several_modules": false, "inclusive": false, "mode": 1, "need_push": true, "need_confirm": false, "protocol": "HTTPS", "tags": [["k", "v"]], "guard_percent": null, "guard_count": null, "guard_minimum": 1}', 1795000000423, 1795000000432, NULL, NULL, 1795000000423, NULL, NULL, NULL, false, false, 7, 7, NULL, 910848479566503838, '', 29916666, 4, 'firmware', NULL);
INSERT INTO public.job VALUES (910848480656124561, 1, 910848479778756250, 'p', 'default', '2.1', 'upgrade', 'static', 'specific', 'in_progress', '{"source_versions": [], "names": ["dev6"], "list_key": null, "group_id": null, "percent": null, "timeout": null, "retry_interval": null, "retry_count": 0, "per_minute": 10000, "overwrite": false, "several_modules": false, "inclusive": false, "mode": 1, "need_push": true, "need_confirm": true, "protocol": "HTTPS", "tags": [], "guard_percent": null, "guard_count": null, "guard_minimum": 1}', 1795000000534, 1795000000543, NULL, NULL, 1795000000534, NULL, NULL, NULL, false, false, 1, 1, NULL, 910848479566503838, '', 0, 0, 'firmware', NULL);
INSERT INTO public.job VALUES (910848480718487733, 1, 910848479808469529, 'p', 'default', '2.2', 'upgrade', 'static', 'all', 'in_progress', '{"source_versions": ["1.5"], "names": [], "list_key": null, "group_id": null, "percent": null, "timeout": null, "retry_interval": 10, "retry_count": 2, "per_minute": 10000, "overwrite": false, "several_modules": false, "inclusive": false, "mode": 1, "need_push": true, "need_confirm": false, "protocol": "HTTPS", "tags": [], "guard_percent": null, "guard_count": 5, "guard_minimum": 1}', 1795000000549, 1795000000558, NULL, NULL, 1795000000549, NULL, NULL, NULL, false, false, 910848479566503838, 1, NULL, 910848479566503838, '', 29916666, 1, 'firmware', NULL);
INSERT INTO public.job VALUES (910848480866312391, 1, 910848479739149331, 'p', 'default', '2.0', 'upgrade', 'static', 'specific', 'planned', '{"source_versions": [], "names": ["dev8"], "list_key": null, "group_id": null, "percent": null, "timeout": null, "retry_interval": null, "retry_count": 0, "per_minute": 10000, "overwrite": false, "several_modules": false, "inclusive": false, "mode": 1, "need_push": true, "need_confirm": false, "protocol": "HTTPS", "tags": [], "guard_percent": null, "guard_count": null, "guard_minimum": 1}', 1795000000584, 1795000000593, 1795086400000, 1795090000000, NULL, NULL, 1795086400000, NULL, false, false, 1, 1, NULL, 910848479566503838, '', 0, 0, 'firmware', NULL);
INSERT INTO public.job VALUES (910848480928301170, 1, 910848479739149331, 'p', 'default', '2.0', 'upgrade', 'static', 'specific', 'in_progress', '{"source_versions": [], "names": ["dev9"], "list_key": null, "group_id": null, "percent": null, "timeout": 30, "retry_interval": null, "retry_count": 0, "per_minute": 10000, "overwrite": false, "several_modules": false, "inclusive": false, "mode": 1, "need_push": true, "need_confirm": false, "protocol": "HTTPS", "tags": [], "guard_percent": null, "guard_count": null, "guard_minimum": 1}', 1795000000599, 1795000000613, NULL, NULL, 1795000000599, NULL, NULL, 'paused by the operator', false, false, 1, 1, NULL, 910848479566503838, '', 0, 0, 'firmware', NULL);
INSERT INTO public.job VALUES (910848481023679757, 1, 910848479878370099, 'p', 'mcu', '3.2', 'upgrade', 'static', 'specific', 'in_progress', '{"source_versions": [], "names": ["dev0"], "list_key": null, "group_id": null, "percent": null, "timeout": null, "retry_interval": null, "retry_count": 0, "per_minute": 10000, "overwrite": false, "several_modules": true, "inclusive": false, "mode": 1, "need_push": true, "need_confirm": false, "protocol": "HTTPS", "tags": [], "guard_percent": null, "guard_count": null, "guard_minimum": 1}', 1795000000622, 1795000000631, NULL, NULL, 1795000000622, NULL, NULL, NULL, false, false, 1, 1, NULL, 910848479566503838, '', 0, 0, 'module', NULL);
INSERT INTO public.job VALUES (910848481080930398, 1, 910848480029233694, 'p', 'default', '2.4', 'verify', 'static', 'specific', 'in_progress', '{"source_versions": [], "names": ["dev10"], "list_key": null, "group_id": null, "percent": null, "timeout": null, "retry_interval": null, "retry_count": 0, "per_minute": 10000, "overwrite": false, "several_modules": false, "inclusive": false, "mode": 1, "need_push": true, "need_confirm": false, "protocol": "HTTPS", "tags": [], "guard_percent": null, "guard_count": null, "guard_minimum": 1}', 1795000000636, 1795000000646, NULL, NULL, 1795000000636, NULL, NULL, NULL, false, false, 1, 1, NULL, 910848479566503838, '', 0, 0, 'firmware', NULL);
INSERT INTO public.job VALUES (910848481149650788, 1, 910848479956152076, 'p', 'default', '2.3', 'upgrade', 'static', 'specific', 'completed', '{"source_versions": [], "names": ["dev11"], "list_key": null, "group_id": null, "percent": null, "timeout": null, "retry_interval": null, "retry_count": 0, "per_minute": 10000, "overwrite": false, "several_modules": false, "inclusive": false, "mode": 1, "need_push": true, "need_confirm": false, "protocol": "HTTPS", "tags": [], "guard_percent": null, "guard_count": null, "guard_minimum": 1}', 1795000000652, 1795000000686, NULL, NULL, 1795000000652, 1795000000684, NULL, NULL, false, false, 1, 1, NULL, 910848479566503838, '', 29916666, 1, 'firmware', NULL);
INSERT INTO public.job VALUES (910848481322283271, 1, 910848479739149331, 'p', 'default', '2.0', 'upgrade', 'dynamic', 'all', 'in_progress', '{"source_versions": ["0.9"], "names": [], "list_key": null, "group_id": null, "percent": null, "timeout": null, "retry_interval": null, "retry_count": 0, "per_minute": 10, "overwrite": false, "several_modules": false, "inclusive": false, "mode": 1, "need_push": true, "need_confirm": false, "protocol": "HTTPS", "tags": [], "guard_percent": null, "guard_count": null, "guard_minimum": 1}', 1795000000693, 1795000000693, NULL, NULL, 1795000000693, NULL, 1795000000693, NULL, false, false, 0, 0, NULL, 910848479566503838, '', 0, 0, 'firmware', NULL);
INSERT INTO public.job VALUES (910848481354181482, 1, 910848479778756250, 'p', 'default', '2.1', 'upgrade', 'dynamic', 'all', 'canceled', '{"source_versions": ["0.9"], "names": [], "list_key": null, "group_id": null, "percent": null, "timeout": null, "retry_interval": null, "retry_count": 0, "per_minute": 10, "overwrite": false, "several_modules": false, "inclusive": false, "mode": 1, "need_push": true, "need_confirm": false, "protocol": "HTTPS", "tags": [], "guard_percent": null, "guard_count": null, "guard_minimum": 1}', 1795000000701, 1795000000712, NULL, NULL, 1795000000701, 1795000000710, NULL, NULL, true, false, 0, 0, NULL, 910848479566503838, '', 0, 0, 'firmware', NULL);
INSERT INTO public.job VALUES (910848481848857129, 1, 910848481766686080, 'door', 'software', 'S1', 'upgrade', 'static', 'specific', 'planned', '{"source_versions": [], "names": ["door3"], "list_key": null, "group_id": null, "percent": null, "timeout": 1440, "retry_interval": 10, "retry_count": 3, "per_minute": 10000, "overwrite": false, "several_modules": false, "inclusive": true, "mode": 1, "need_push": true, "need_confirm": false, "protocol": "HTTPS", "tags": [], "guard_percent": null, "guard_count": null, "guard_minimum": 1}', 1795000000819, 1795000000828, 1795345600000, NULL, NULL, NULL, 1795345600000, NULL, false, false, 1, 1, NULL, 910848481645417521, '', 0, 0, 'software', '{"app_id": "121bee96891d2d8061489440", "name": "night", "document": {"package_ids": ["910848481766686080"]}}');
INSERT INTO public.job VALUES (910848481791605020, 1, 910848481728676549, 'door', 'default', 'V2.0', 'upgrade', 'static', 'specific', 'in_progress', '{"source_versions": [], "names": ["door1", "door2"], "list_key": null, "group_id": null, "percent": null, "timeout": 1440, "retry_interval": null, "retry_count": 0, "per_minute": 10000, "overwrite": false, "several_modules": false, "inclusive": true, "mode": 1, "need_push": true, "need_confirm": false, "protocol": "HTTPS", "tags": [], "guard_percent": null, "guard_count": null, "guard_minimum": 1}', 1795000000805, 1795000000814, NULL, NULL, 1795000000805, NULL, NULL, NULL, false, false, 2, 2, NULL, 910848481645417521, '', 29916666, 1, 'firmware', '{"app_id": "121bee96891d2d8061489440", "name": "night", "document": {"package_ids": ["910848481728676549"]}, "task_ext_info": {"k": "值"}}');
INSERT INTO public.minimum_version VALUES ('p', 'default', 'default', '1.0', 1795000000416);
INSERT INTO public.module VALUES ('p', 'mcu', 'mcu', 1795000000039, 'Mcu', 'the small one', 1795000000039, 910848478584502565, NULL);
INSERT INTO public.module VALUES ('door', 'radio', 'radio', 1795000000780, NULL, NULL, 1795000000780, 910848481692665059, '{"app_id": "121bee96891d2d8061489440"}');
INSERT INTO public.nonce_997222 VALUES ('\xe4c67db30a4fdb0bfc4e788ff605b752');
INSERT INTO public.nonce_997222 VALUES ('\xc0dd50328348ec2a37ba5f47f4c7b4c2');
INSERT INTO public.nonce_997222 VALUES ('\x1166e0a2a30300f42ff123465adb3dbc');
INSERT INTO public.nonce_997222 VALUES ('\x55b3dbfea20fb2fa8e991803c0403cce');
INSERT INTO public.nonce_997222 VALUES ('\xdbba8a9686203cfe7dbfa4b6f7a9d01f');
INSERT INTO public.nonce_997222 VALUES ('\xa4c77d3e3b10abebd3b3411b0f061775');
INSERT INTO public.nonce_997222 VALUES ('\xd247d1c168062057613d549db0c85752');
INSERT INTO public.nonce_997222 VALUES ('\x665c87519f2f1b66e552c45dea6242df');
INSERT INTO public.nonce_997222 VALUES ('\xf47f3edd3adbdf0e1f7a9146da4c8292');
INSERT INTO public.nonce_997222 VALUES ('\x8ee4223e45f22fbaefe830fdeaf09c44');
INSERT INTO public.nonce_997222 VALUES ('\xcab7f09a8aa421bb1c7b3abe4016f234');
INSERT INTO public.nonce_997222 VALUES ('\xa8966ebe93b25fbd7b30e5fea3bbe726');
INSERT INTO public.nonce_997222 VALUES ('\x63188c0fbdceb7267304d41f6f949e8b');
INSERT INTO public.nonce_997222 VALUES ('\x11a73e20f50bf72e6078f9d26e7295c6');
INSERT INTO public.nonce_997222 VALUES ('\xfe738584f06d9bf62fb405338e98d977');
INSERT INTO public.nonce_997222 VALUES ('\xa5045c47384d7fa492a7f32007c71aef');
INSERT INTO public.nonce_997222 VALUES ('\xca10ee7f0caaf4b8a5817d7a3401227d');
INSERT INTO public.nonce_997222 VALUES ('\x9495ad5c752d0437f9192e866baae93b');
INSERT INTO public.nonce_997222 VALUES ('\x69b5fffdc6bf29df8059c324bf9294ac');
INSERT INTO public.nonce_997222 VALUES ('\xc35680d6f9d2f1bb2a442e6f058cd189');
INSERT INTO public.nonce_997222 VALUES ('\x67a8e04a1c7292a43cfb1278f3f9bff7');
INSERT INTO public.nonce_997222 VALUES ('\xa4fca6f4e37e1fba0cc2813c4aacdfa5');
INSERT INTO public.nonce_997222 VALUES ('\x142cef475bb341cae7c1d905e040658c');
INSERT INTO public.nonce_997222 VALUES ('\x7149386fb18aa68f15fcd24e5607f87a');
INSERT INTO public.nonce_997222 VALUES ('\xa532384d84869ba4b779eb1adc7a2b06');
INSERT INTO public.nonce_997222 VALUES ('\x72572ba27a072d25d49d7118b1b41422');
INSERT INTO public.nonce_997222 VALUES ('\xd14d8654b925fab7d9e8169506c78b5d');
INSERT INTO public.nonce_997222 VALUES ('\x3885085df8c69c4aa987d8770a78512e');
INSERT INTO public.nonce_997222 VALUES ('\xd898605f11fc917cc65becd908e43a05');
INSERT INTO public.nonce_997222 VALUES ('\x982a5755a632c42c30f89d33a5de5c3b');
INSERT INTO public.nonce_997222 VALUES ('\xc6975c29825bf3450f93b869d2918550');
INSERT INTO public.nonce_997222 VALUES ('\x26a02c0c96cf89406eb71b5e41e3c2f9');
INSERT INTO public.nonce_997222 VALUES ('\x843537aca8236f60f2380f88b0949e7c');
INSERT INTO public.nonce_997222 VALUES ('\xda4b882663e01c4845f4e16dcf4e77ef');
INSERT INTO public.nonce_997222 VALUES ('\xb323b1eda1de2d7961d76b39f237cf35');
INSERT INTO public.nonce_997222 VALUES ('\x48b7cdad58d54b6c7e0c083bd0f682ee');
INSERT INTO public.nonce_997222 VALUES ('\x5b6a1c9199998511883c918b35dfb948');
INSERT INTO public.nonce_997222 VALUES ('\x8cc687256e24d5e00a6f306b76a9debe');
INSERT INTO public.nonce_997222 VALUES ('\x4ced750eebcf917630df8483b64e5f8a');
INSERT INTO public.nonce_997222 VALUES ('\xe9c25f09adb80a489137b8b9fc642e7f');
INSERT INTO public.nonce_997222 VALUES ('\xa523339c13546c4d93865c262e571ff2');
INSERT INTO public.nonce_997222 VALUES ('\x53f5b6b175364c650d51ca14d0b81977');
INSERT INTO public.nonce_997222 VALUES ('\x26171fbeaf0f800a509c650609651ebe');
INSERT INTO public.nonce_997222 VALUES ('\x34e717382192aade3beb8c2f3add21ef');
INSERT INTO public.nonce_997222 VALUES ('\x0516990029f9c6cf3564ead4829466f8');
INSERT INTO public.nonce_997222 VALUES ('\x4754a0746a29011464ba22496de5c65f');
INSERT INTO public.nonce_997222 VALUES ('\x88b4e093a74de77591d6a16237aec076');
INSERT INTO public.nonce_997222 VALUES ('\xfad99c6aa1dc9e72feb6fcf4a5e498c3');
INSERT INTO public.nonce_997222 VALUES ('\xe1d51381ef90541a35807f33313e90ba');
INSERT INTO public.nonce_997222 VALUES ('\xeae07afb824615d45cab29472e6be92a');
INSERT INTO public.nonce_997222 VALUES ('\x973a3a5c13c5c0439044d86c1f4db932');
INSERT INTO public.nonce_997222 VALUES ('\x4f3f04479df658d0360104b5aaf7b6d7');
INSERT INTO public.nonce_997222 VALUES ('\xeef51a538b914af8caca2fd1becc9000');
INSERT INTO public.nonce_997222 VALUES ('\xffaf3ff6285b639cf44c9e7308159142');
INSERT INTO public.nonce_997222 VALUES ('\x61663d484eb9506ddc38159717a124a8');
INSERT INTO public.nonce_997222 VALUES ('\x160736ac52d5b0b0aeea94e524aacbe3');
INSERT INTO public.nonce_997222 VALUES ('\xcdbd4bac834b07703e9d1a3c7c5ed3b1');
INSERT INTO public.nonce_997222 VALUES ('\x526caddd9e0fd2a736817371616fc8a2');
INSERT INTO public.nonce_997222 VALUES ('\xf9cd9f0bf3f717097c6037bd2253723c');
INSERT INTO public.nonce_997222 VALUES ('\x41113a4efc23e34ff2dcf34c3df751d1');
INSERT INTO public.nonce_997222 VALUES ('\x051fd207637583e6c232469efb77eb0a');
INSERT INTO public.nonce_997222 VALUES ('\x5b66ca827d844f0d92b36bf772ba0add');
INSERT INTO public.nonce_997222 VALUES ('\x8401fe81780e6a9b0a4835f6318f0bfa');
INSERT INTO public.nonce_997222 VALUES ('\xc05e3fb9de127554917ecb7dd74dc1da');
INSERT INTO public.nonce_997222 VALUES ('\x41e1713ee25124aba73fb836dceb22ff');
INSERT INTO public.nonce_997222 VALUES ('\x741badde87488a9e4657793e2f4060ea');
INSERT INTO public.nonce_997222 VALUES ('\xb37d309218506405b25348ed51c5f0b1');
INSERT INTO public.nonce_997222 VALUES ('\x0b8447309cee2f3b2d1cfe544173d679');
INSERT INTO public.nonce_997222 VALUES ('\x69d2f096f814196114e729b6bd0cdd8d');
INSERT INTO public.nonce_997222 VALUES ('\xc8aba7c9dc1f9137270f0464ef2a3062');
INSERT INTO public.nonce_997222 VALUES ('\x926ff1b8874668dccb851ecf6af2448b');
INSERT INTO public.nonce_997222 VALUES ('\xa47055b12622eecd60e37dcd51abbe40');
INSERT INTO public.nonce_997222 VALUES ('\x44c84041800e3f9a3b6c12bbe4966716');
INSERT INTO public.nonce_997222 VALUES ('\x902555d14ca69e0324721d911f1ee17f');
INSERT INTO public.nonce_997222 VALUES ('\xa7cf9aa3e1ea8d624f634fb4c28dc234');
INSERT INTO public.nonce_997222 VALUES ('\x3546941584bfff9e3944366b227e38d5');
INSERT INTO public.nonce_997222 VALUES ('\xcac641452b80cbd1e11499a104ac3632');
INSERT INTO public.nonce_997222 VALUES ('\x044d8018a7bb4ac8b5e064ce81297492');
INSERT INTO public.nonce_997222 VALUES ('\xe08646812157b010faf967e886064896');
INSERT INTO public.nonce_997222 VALUES ('\xe456aac9b9c9cfce8ed48af54fa3eea7');
INSERT INTO public.nonce_997222 VALUES ('\x319e2b4c9d2413e929c83da8ba4405aa');
INSERT INTO public.nonce_997222 VALUES ('\x515b7ba2dc5ddee33abb081d77f1b204');
INSERT INTO public.nonce_997222 VALUES ('\x6758f5992effac6a08904b4e058a7b6f');
INSERT INTO public.nonce_997222 VALUES ('\x17c9de3bde4086800995584880a36db5');
INSERT INTO public.nonce_997222 VALUES ('\x50d7469815864324b4105595b0e3f8bc');
INSERT INTO public.nonce_997222 VALUES ('\x5105a7ac5ceb801dc12410fa97f6adfa');
INSERT INTO public.nonce_997222 VALUES ('\xdb8f1abc6ab93a96606dc5a3d9baa25b');
INSERT INTO public.nonce_997222 VALUES ('\x134f8a3940e82343ed1fce1ad3233013');
INSERT INTO public.nonce_997222 VALUES ('\x54028f5bbedd6aeecf29bbc8a4ae238c');
INSERT INTO public.nonce_997222 VALUES ('\xd9760e6114140ab966cae4bce825efc5');
INSERT INTO public.nonce_997222 VALUES ('\x8cc5c0af522d1088e56aedcf2a7553a8');
INSERT INTO public.nonce_997222 VALUES ('\x96b9516aa8bbd9fbd421b073d1e65305');
INSERT INTO public.nonce_997222 VALUES ('\x15c9ee8f86dcd3eabe8065240a8bbdfe');
INSERT INTO public.nonce_997222 VALUES ('\xbc48e1a8ac7bff434577a032bf84006f');
INSERT INTO public.nonce_997222 VALUES ('\x02b4be3b9d9f48d6fb544d286d25b7d2');
INSERT INTO public.nonce_997222 VALUES ('\x4e954ce3c4520c7246a39de9468d05f9');
INSERT INTO public.nonce_997222 VALUES ('\xc65a519cd67cadcdca47c9b94f5b3b25');
INSERT INTO public.nonce_997222 VALUES ('\x54211a2d31bd71b97b1769b3dc53c409');
INSERT INTO public.nonce_997222 VALUES ('\xfcb71f26d9d4592b7183d5924f5fd0ec');
INSERT INTO public.nonce_997222 VALUES ('\x07561d2940adddfb74641c7794f87a32');
INSERT INTO public.nonce_997222 VALUES ('\x7ff250d2b0e73b103ae48e890e6b660c');
INSERT INTO public.nonce_997222 VALUES ('\x648abbcf31e836cbe87719ebe99ec67f');
INSERT INTO public.nonce_997222 VALUES ('\x126039d2540e1bf23bd3fa8fd0792b7e');
INSERT INTO public.nonce_997222 VALUES ('\x9fced22530633cfb439123113beea939');
INSERT INTO public.nonce_997222 VALUES ('\xf05b1c82c652cb197dd57d9639920417');
INSERT INTO public.nonce_997222 VALUES ('\x0a50c7d21c11fe67116f284d26fa44c2');
INSERT INTO public.nonce_997222 VALUES ('\xff0be799646887ad3734452ac27511f3');
INSERT INTO public.nonce_997222 VALUES ('\x19956862973912cdbfcdd0ef17eb8b01');
INSERT INTO public.nonce_997222 VALUES ('\xb90291d272b0c76f673e7d2df896b0d8');
INSERT INTO public.nonce_997222 VALUES ('\xcc0e2adcb9bc88e9ca602e7714d4a7e0');
INSERT INTO public.nonce_997222 VALUES ('\xba501aabae5654d20f3b3b26501496cc');
INSERT INTO public.nonce_997222 VALUES ('\x2c6a736f88815bc6ae9e894a1331e3b3');
INSERT INTO public.nonce_997222 VALUES ('\x65d43472af904f2507ca2bc37941ff50');
INSERT INTO public.nonce_997222 VALUES ('\x5a87d0e409fd603f08152a747279dda1');
INSERT INTO public.nonce_997222 VALUES ('\x8b00112fed4af2cef2d4482bd7705f9f');
INSERT INTO public.nonce_997222 VALUES ('\xb2080bd1d3dac2beadc1915178e825ae');
INSERT INTO public.nonce_997222 VALUES ('\xc5a4bfbc200e041ce74a6d28c9261fb4');
INSERT INTO public.nonce_997222 VALUES ('\xe560cb6edd0a7d2a01a046a818663403');
INSERT INTO public.nonce_997222 VALUES ('\x869422db526e44881540f3074e2d2c9a');
INSERT INTO public.nonce_997222 VALUES ('\xd9e3ecd8de7d0c46832d567ce9027c1a');
INSERT INTO public.nonce_997222 VALUES ('\xc052be0c3c5516f19f6c26cc218c177d');
INSERT INTO public.nonce_997222 VALUES ('\x3b85d1e9b2a68371669c4aa400dd6568');
INSERT INTO public.nonce_997222 VALUES ('\x12846a6df84c3a139a1723ce0edfc0b4');
INSERT INTO public.nonce_997222 VALUES ('\x17a6fddd399e7d9503ab54dd936f1f56');
INSERT INTO public.nonce_997222 VALUES ('\xd77bb4b45112de54bde1ae7492fa2ec2');
INSERT INTO public.nonce_997222 VALUES ('\x60f08073892a179e90aa9e4c0de7cdd6');
INSERT INTO public.nonce_997222 VALUES ('\x2fc6329f6425bbc5835a3e30804eb2f5');
INSERT INTO public.nonce_997222 VALUES ('\xb0d93b0d66e8eee76093346592236528');
INSERT INTO public.nonce_997222 VALUES ('\xf6731c538de2ab99d54f136d8fd4ed9e');
INSERT INTO public.nonce_997222 VALUES ('\xc43b2ab1556cbc964e59cdc13176bcfb');
INSERT INTO public.nonce_997222 VALUES ('\x4e6123a6b7e986b3627f369d84407354');
INSERT INTO public.nonce_997222 VALUES ('\x75b936650b53912c5eb2a4357153b234');
INSERT INTO public.nonce_997222 VALUES ('\x6704fcf7fdd15debbcd4a4ba782c99d2');
INSERT INTO public.nonce_997222 VALUES ('\x6a51573bfc0a0e3bbc987e87fefbb508');
INSERT INTO public.nonce_997222 VALUES ('\x0b6baf9fe246ab2e1978a39535370e5a');
INSERT INTO public.nonce_997222 VALUES ('\x1e58a3bb21d634aa1d6d84d32264b2e0');
INSERT INTO public.nonce_997222 VALUES ('\x1e9812d9d0c22e4acabd1e441cf60ab9');
INSERT INTO public.nonce_997222 VALUES ('\xeb0972c920d3a14da220355bf9ceb25a');
INSERT INTO public.nonce_997222 VALUES ('\x13b9ac07b9d2b7ffdcfa72d0e94d600f');
INSERT INTO public.nonce_997222 VALUES ('\x6ac3cd754bc25a5d06ca1d7b1b29c03c');
INSERT INTO public.nonce_997222 VALUES ('\x219ffbb01ae058a4144babcf4709ff80');
INSERT INTO public.nonce_997222 VALUES ('\xb4236f763e67f1259a82c2b4c7c36677');
INSERT INTO public.nonce_997222 VALUES ('\x758f3206970559f3ace2c69f86ec16a6');
INSERT INTO public.nonce_997222 VALUES ('\x37ccd4531a644cfd96b8e1b30a45f6c3');
INSERT INTO public.nonce_997222 VALUES ('\x29366f066aad8addbcb6e7543abde628');
INSERT INTO public.nonce_997222 VALUES ('\x7bce186f4f2162f4cc700d1f724bf1c5');
INSERT INTO public.nonce_997222 VALUES ('\x30e855004e8d402c959c7ff6db1db9a2');
INSERT INTO public.nonce_997222 VALUES ('\x85698b9a115dcfb2a6036f1e6e059790');
INSERT INTO public.nonce_997222 VALUES ('\xe9926feed01f15af6020d854b593c85d');
INSERT INTO public.nonce_997222 VALUES ('\x45f7ceca36dc2575ce9d26f25193265e');
INSERT INTO public.nonce_997222 VALUES ('\x84ab9ddb7d4eb85a7dc9a827622c5a45');
INSERT INTO public.nonce_997222 VALUES ('\x3c3717f099aa159dfb315c30a46dbfe6');
INSERT INTO public.nonce_997222 VALUES ('\x295682a7009f284e01b19e1aa562c9c8');
INSERT INTO public.nonce_997222 VALUES ('\x827037f5e6ba8f1374f2f8eb99a7956b');
INSERT INTO public.nonce_997222 VALUES ('\x7b1c6ab36a3bbf6cc2ae53f34f29b82f');
INSERT INTO public.nonce_997222 VALUES ('\x0394cc5abc1ce672659ce8f73439d133');
INSERT INTO public.nonce_997222 VALUES ('\x0bd6d6a3fca84a6c45c65199e7e04d80');
INSERT INTO public.nonce_997222 VALUES ('\xd61e7dc720ae9376d88f296f960956c2');
INSERT INTO public.nonce_997222 VALUES ('\xd293bf42fbbe3176477cb76f66208de3');
INSERT INTO public.nonce_997222 VALUES ('\xcb028d8d90f9f44236af70773e8d9f54');
INSERT INTO public.nonce_997222 VALUES ('\xef53ab504e82f7e400f13be25dcd6c48');
INSERT INTO public.nonce_997222 VALUES ('\x888a026f4c770346f13d468dfb9e5a4b');
INSERT INTO public.nonce_997222 VALUES ('\xfdea79cb20c8f0082342750d3decdaff');
INSERT INTO public.nonce_997222 VALUES ('\x8be9a8adfa5c2a1255b45d9aab30aff8');
INSERT INTO public.nonce_997222 VALUES ('\xe5f264153b6d122f240d4dfec3a795eb');
INSERT INTO public.nonce_997222 VALUES ('\xdcdbfbdc2e525685fefb5f8cb5b719be');
INSERT INTO public.nonce_997222 VALUES ('\xa05c3e8f3e2d4872c3b2fe63a0653769');
INSERT INTO public.nonce_997222 VALUES ('\xe5d92268aef362b38a7c0424dcb9f590');
INSERT INTO public.nonce_997222 VALUES ('\xbe1c63e440a56b249d02e386f8e56724');
INSERT INTO public.nonce_997222 VALUES ('\x1ff8c28da86b7407fdba16ca5db087b0');
INSERT INTO public.nonce_997222 VALUES ('\x6146f02fc11407f4ddff79de932c7e53');
INSERT INTO public.nonce_997222 VALUES ('\x8eee40ad06c7d316b725bb7d138ac2f5');
INSERT INTO public.nonce_997222 VALUES ('\x01b1fae7841c73e125d393c5459c715e');
INSERT INTO public.nonce_997222 VALUES ('\x4ed4e198a32b4e66b68a9cde44adc938');
INSERT INTO public.nonce_997222 VALUES ('\xb5b8a6a23b120221cdc5be274fd2846a');
INSERT INTO public.nonce_997222 VALUES ('\x44d17ad1c3871abc6da28c28e6764559');
INSERT INTO public.nonce_997222 VALUES ('\x5005d44a9f6c28813b93e935b9ecbdeb');
INSERT INTO public.nonce_997222 VALUES ('\xf8d574f7085b96413083e40679cad758');
INSERT INTO public.nonce_997222 VALUES ('\x38f1d5db07e3aaefcb59514f55bf412b');
INSERT INTO public.nonce_997222 VALUES ('\x16ad28d4a1ebd41b9a24bb2585d9eb1d');
INSERT INTO public.nonce_997222 VALUES ('\xc6a3b07bc98fe64dbf7b8f023f15726e');
INSERT INTO public.nonce_997222 VALUES ('\x8fe98097e4dc29731a6fd3d8a48d1add');
INSERT INTO public.nonce_997222 VALUES ('\xddcb2d5aed76200f88836fe0c66a5c32');
INSERT INTO public.nonce_997222 VALUES ('\x55cd523c97c2a5aad58f211dd053209d');
INSERT INTO public.nonce_997222 VALUES ('\x7a5bdfe3d1e24c8081607b6b0d036ebf');
INSERT INTO public.nonce_997222 VALUES ('\x7e6bf4aa04c04d0d7ec2c9058049f699');
INSERT INTO public.nonce_997222 VALUES ('\x2bf2cf307b0d149827a81ab1db6fc23c');
INSERT INTO public.nonce_997222 VALUES ('\x9208a474fe186b277d9b59d2063e26cf');
INSERT INTO public.nonce_997222 VALUES ('\x5480e01272816c2821cd65edd4290aec');
INSERT INTO public.nonce_997222 VALUES ('\x65394560cc9f9a6b42beebbf6a249f87');
INSERT INTO public.nonce_997222 VALUES ('\x5848673db9b98ca77a28078682fd0254');
INSERT INTO public.package VALUES (910848479739149331, 1, 'stored', 'firmware', 'p', 'default', '2.0', '[]', false, '夜', NULL, -1, 'http://localhost/oss/ota/firmware/84ea1c10-f494-4d3e-bfb1-75321d7d6c94.bin', 360, 'MD5', 'd6ad6d30551d6bab483108acbf032091', NULL, true, 1795000000316, 1795000000316, 'ota/firmware/84ea1c10-f494-4d3e-bfb1-75321d7d6c94.bin', '[{"size": 360, "md5": "d6ad6d30551d6bab483108acbf032091", "sha1": "7a126a5cd358fb1889a8fc4a2ccde5102ae7d1b1", "sha256": "dc27cacb8ced7eb75764c615ac2c4c2ac24eadc5f70c39a0b10348e92e86c8d6", "format": null}]', NULL);
INSERT INTO public.package VALUES (910848479778756250, 1, 'by-url', 'firmware', 'p', 'default', '2.1', '[]', false, NULL, '{"k": 1}', -1, 'https://files.test/x.bin', 77, 'SHA256', 'abababababababababababababababababababababababababababababababab', NULL, false, 1795000000325, 1795000000325, NULL, NULL, NULL);
INSERT INTO public.package VALUES (910848479808469529, 1, 'several', 'firmware', 'p', 'default', '2.2', '[]', false, NULL, NULL, -1, NULL, NULL, 'MD5', NULL, '[{"name": "part1", "url": "http://localhost/oss/ota/firmware/8aa6c574-fb8e-4e73-b196-35db6e0960cf.apk", "size": 360, "file_md5": "9a0b4bc5e6367013893e7d9179763796", "sign_value": "9a0b4bc5e6367013893e7d9179763796", "object_key": "ota/firmware/8aa6c574-fb8e-4e73-b196-35db6e0960cf.apk"}, {"name": "part2", "url": "https://files.test/b.bin", "size": null, "file_md5": null, "sign_value": null, "object_key": null}]', false, 1795000000332, 1795000000332, NULL, '[{"size": 360, "md5": "9a0b4bc5e6367013893e7d9179763796", "sha1": "9d1886d2d609f0ea06b4da8146e72d5ed1d71e78", "sha256": "09455177884c6f2c465157c2da782a2527975b17eb3f273bc309be1af47e7817", "format": null}, null]', NULL);
INSERT INTO public.package VALUES (910848479878370099, 1, 'module', 'module', 'p', 'mcu', '3.2', '[]', false, NULL, NULL, -1, 'http://localhost/oss/ota/firmware/1e59c37b-7fa0-4b87-80cf-437081697efb.bin', 3, 'MD5', '9727479252e200330c1e9cc9a3fea96e', NULL, true, 1795000000349, 1795000000349, 'ota/firmware/1e59c37b-7fa0-4b87-80cf-437081697efb.bin', '[{"size": 3, "md5": "9727479252e200330c1e9cc9a3fea96e", "sha1": "d3d126c2bb1fd17100d15dbbb9583b4110dd71f0", "sha256": "349b8e7984cbd04ce3b02be885f590848fc2b30d8735da96ae0b895771b440e9", "format": null}]', NULL);
INSERT INTO public.package VALUES (910848479956152076, 1, 'delta', 'firmware', 'p', 'default', '2.3', '["1.0"]', true, NULL, NULL, -1, 'http://localhost/oss/ota/firmware/3c124fad-ee63-4c45-831a-51911b7039df.bin', 1, 'MD5', '8277e0910d750195b448797616e091ad', NULL, true, 1795000000367, 1795000000367, 'ota/firmware/3c124fad-ee63-4c45-831a-51911b7039df.bin', '[{"size": 1, "md5": "8277e0910d750195b448797616e091ad", "sha1": "3c363836cf4e16666669a25da280a1865c2d2874", "sha256": "18ac3e7343f016890c510e93f935261169d9e3f565436429830faf0934f4f8e4", "format": null}]', NULL);
INSERT INTO public.package VALUES (910848480068418097, 1, 'bare', 'firmware', NULL, 'default', '9.9', '[]', false, NULL, NULL, 0, NULL, NULL, 'MD5', NULL, NULL, false, 1795000000394, 1795000000394, NULL, NULL, NULL);
INSERT INTO public.package VALUES (910848480125911897, 2, 'stored', 'firmware', 'q', 'default', '2.0', '[]', false, NULL, NULL, 0, 'https://files.test/q.bin', NULL, 'MD5', NULL, NULL, false, 1795000000408, 1795000000408, NULL, NULL, NULL);
INSERT INTO public.package VALUES (910848480029233694, 1, 'unverified', 'firmware', 'p', 'default', '2.4', '[]', false, NULL, NULL, 2, 'http://localhost/oss/ota/firmware/2fafb03d-2894-40aa-9d96-a123a2002b1e.bin', 1, 'MD5', '7b774effe4a349c6dd82ad4f4f21d34c', NULL, true, 1795000000385, 1795000000639, 'ota/firmware/2fafb03d-2894-40aa-9d96-a123a2002b1e.bin', '[{"size": 1, "md5": "7b774effe4a349c6dd82ad4f4f21d34c", "sha1": "51e69892ab49df85c6230ccc57f8e1d1606caccc", "sha256": "0bfe935e70c321c7ca3afc75ce0d0ca2f98b5422e008bb31c00c6d7f1f1c0ad6", "format": null}]', NULL);
INSERT INTO public.package VALUES (910848481728676549, 1, NULL, 'firmware', 'door', 'default', 'V2.0', '[]', false, NULL, NULL, -1, NULL, 800, 'SHA256', '563839e4ec15a564d41d4299e4c5eed99cbb5754a36376adc911f44d2fe6cc40', NULL, true, 1795000000790, 1795000000790, 'ota/objects/44a31172-2ced-4078-8d5f-bdf359f25280.bin', '[{"size": 800, "md5": "6740f3c60aaa136e29b4e2abc2fe1a1e", "sha1": "34d6d4a1ec33622bc82f3c4855f4a5bf8032d2be", "sha256": "563839e4ec15a564d41d4299e4c5eed99cbb5754a36376adc911f44d2fe6cc40", "format": null}]', '{"app_id": "121bee96891d2d8061489440", "bucket": "firmware", "location": {"region_name": "cn-north-4", "bucket_name": "firmware", "object_key": "a/upgrade.bin"}, "sent": []}');
INSERT INTO public.package VALUES (910848481766686080, 1, NULL, 'software', 'door', 'default', 'S1', '[]', false, NULL, NULL, -1, NULL, 800, 'SHA256', '563839e4ec15a564d41d4299e4c5eed99cbb5754a36376adc911f44d2fe6cc40', NULL, true, 1795000000799, 1795000000799, 'ota/objects/e8225c13-89b4-4426-8820-e7d58ec9130d.bin', '[{"size": 800, "md5": "6740f3c60aaa136e29b4e2abc2fe1a1e", "sha1": "34d6d4a1ec33622bc82f3c4855f4a5bf8032d2be", "sha256": "563839e4ec15a564d41d4299e4c5eed99cbb5754a36376adc911f44d2fe6cc40", "format": null}]', '{"app_id": "121bee96891d2d8061489440", "bucket": "firmware", "location": {"region_name": "cn-north-4", "bucket_name": "firmware", "object_key": "a/upgrade.bin"}, "sent": []}');
INSERT INTO public.package VALUES (910849740264818721, 1, 'once', 'firmware', NULL, 'default', '1.0', '[]', false, NULL, NULL, 0, NULL, NULL, 'MD5', NULL, NULL, false, 1795000300848, 1795000300848, NULL, NULL, NULL);
INSERT INTO public.package_signature VALUES (910848479739149331, 910848479601478101, '{"format":"otagw-release-1","module":"default","not_before":1795000000,"product":"p","sha256":"dc27cacb8ced7eb75764c615ac2c4c2ac24eadc5f70c39a0b10348e92e86c8d6","size":360,"version":"2.0"}', 'pPB6R5NbrJSJtfBbqgSZcid7SeYWdH1wqlvOdmv49Fxr5wCZ/wfVYpG+ucouReN2bCwAU5SIwkdzFy3obIqAAA==', 1795000000318);
INSERT INTO public.package_signature VALUES (910848479778756250, 910848479601478101, '{"format":"otagw-release-1","module":"default","not_before":1795000000,"product":"p","sha256":"abababababababababababababababababababababababababababababababab","size":77,"version":"2.1"}', 'n8pCVvYffzDUbAmlggtABsl2+hAG6lErpK4SOcs9URMiYpltRl0qKwQnxwdmomz/KCIN6FQfIyh4DPuEF2EwDg==', 1795000000327);
INSERT INTO public.package_signature VALUES (910848479878370099, 910848479601478101, '{"format":"otagw-release-1","module":"mcu","not_before":1795000000,"product":"p","sha256":"349b8e7984cbd04ce3b02be885f590848fc2b30d8735da96ae0b895771b440e9","size":3,"version":"3.2"}', 'NkYIt8bnkU+Ndhv0IFzH56A4PaLqGg57IHI2pAtdoJIOiuqThknVtbKK5npWdxuE9dlUME+o2KwBPyt/zzrRAw==', 1795000000351);
INSERT INTO public.package_signature VALUES (910848479956152076, 910848479601478101, '{"format":"otagw-release-1","module":"default","not_before":1795000000,"product":"p","sha256":"18ac3e7343f016890c510e93f935261169d9e3f565436429830faf0934f4f8e4","size":1,"version":"2.3"}', '896Rst2cAAITmuWX9Zvkol2gMM1Raanr4rJPTucc5siA4ynQL+Yt3Y3DB4DsS1CX0C/n3YRmjcu9m8uoZld7Cg==', 1795000000369);
INSERT INTO public.package_signature VALUES (910848480029233694, 910848479601478101, '{"format":"otagw-release-1","module":"default","not_before":1795000000,"product":"p","sha256":"0bfe935e70c321c7ca3afc75ce0d0ca2f98b5422e008bb31c00c6d7f1f1c0ad6","size":1,"version":"2.4"}', '8AVq1oo3MALeXE8P5vfG84HUg/mo7/td0MVFI+27NA5N+aPnkhefOsPFCsUHwefTTfnsA5gL2Ei+5i3pR4KvDQ==', 1795000000387);
INSERT INTO public.product VALUES ('q', 2, 'Other_p', 1795000000023, 910848478509374336, NULL, false, 'basic', NULL, 1795000000023, NULL, NULL);
INSERT INTO public.product VALUES ('p', 1, 'Lock_p', 1795000000021, 910848478502249123, 'locks', false, 'basic', NULL, 1795000000027, 'x/inJrYLBXiPDvpEZxcu029+GoiNFw9tdMtmL6xK4t1wchJ2/bc7RfYgOkZJ1SK9TFO9', 300);
INSERT INTO public.product VALUES ('a1itF2FlQfm', 1, 'made_one', 1795000000033, 910848478551282779, NULL, false, 'basic', '{"auth_type": "secret", "net_type": "WIFI", "id2": false, "publish_auto": true, "validate_type": 1}', 1795000000033, NULL, NULL);
INSERT INTO public.product VALUES ('door', 1, 'Door', 1795000000742, 910848481527938417, NULL, false, 'basic', '{"space": "121bee96891d2d8061489440", "model": {"device_type": "door", "protocol_type": "MQTT", "data_format": "json", "service_capabilities": [{"service_id": "s", "service_type": "t"}], "manufacturer_name": null, "industry": null}}', 1795000000742, NULL, NULL);
INSERT INTO public.project VALUES ('0a1b2c3d4e5f60718293a4b5c6d7e8f9', 1, 1795000000014);
INSERT INTO public.schema_migration VALUES (1, '0001_first_tables', '2026-11-28 03:28:41.29933');
INSERT INTO public.schema_migration VALUES (2, '0002_module_texts', '2026-11-28 03:28:41.318017');
INSERT INTO public.schema_migration VALUES (3, '0003_stored_files', '2026-11-28 03:28:41.354096');
INSERT INTO public.schema_migration VALUES (4, '0004_products_and_devices', '2026-11-28 03:28:41.565389');
INSERT INTO public.schema_migration VALUES (5, '0005_rollouts', '2026-11-28 03:28:41.754388');
INSERT INTO public.schema_migration VALUES (6, '0006_webhooks', '2026-11-28 03:28:41.839962');
INSERT INTO public.schema_migration VALUES (7, '0007_numbered_actions', '2026-11-28 03:28:41.881593');
INSERT INTO public.schema_migration VALUES (8, '0008_signed_releases', '2026-11-28 03:28:41.960202');
INSERT INTO public.schema_migration VALUES (9, '0009_projects', '2026-11-28 03:28:42.002859');
INSERT INTO public.schema_migration VALUES (10, '0010_facts', '2026-11-28 03:28:42.009833');
INSERT INTO public.schema_migration VALUES (11, '0011_audit', '2026-11-28 03:28:42.037691');
INSERT INTO public.schema_migration VALUES (12, '0012_batch_tasks', '2026-11-28 03:28:42.126325');
INSERT INTO public.schema_migration VALUES (13, '0013_buckets', '2026-11-28 03:28:42.145958');
INSERT INTO public.signing_key VALUES (910848479601478101, 1, 'team', 'Id8S+eRO7FgGXY9M3yaNeJ6ZTMJRwjLSUl5rT0haCMI=', 'qqUf6z4EA+7+vtZfIzdyNDrD6vz/wGEABUkPqEwseebQSxZ4o4Fp4DxddRDPKJYd2elHcQiYUjKz3RfBkir5Bntw2km2W/ta', 'p', true, true, 1795000000284);
INSERT INTO public.signing_key VALUES (910848479614558667, 1, 'old-team', 'HTKhEM5T1CXNaLmWCGHfRUJr1S6YD8P29p842USM+e8=', 'pNuP0/F2e0eF/yj7ExecO4pIiev2A9zZer3aWPrI2WkQnqOuff+e+oEKu2pXKTladqzroc0t+tAcnMaloMEWln+MwM/bCw4n', '', false, false, 1795000000287);
INSERT INTO public.space VALUES ('5f72ec6511183954a3574033', 1, 'DefaultApp', true, 1795000000736);
INSERT INTO public.space VALUES ('121bee96891d2d8061489440', 1, 'Doors', false, 1795000000737);
INSERT INTO public.stored_file VALUES ('ota/firmware/84ea1c10-f494-4d3e-bfb1-75321d7d6c94.bin', 1, 'ota/firmware/84ea1c10-f494-4d3e-bfb1-75321d7d6c94.bin/1d4417341e9f5a13', 360, 'd6ad6d30551d6bab483108acbf032091', '7a126a5cd358fb1889a8fc4a2ccde5102ae7d1b1', 'dc27cacb8ced7eb75764c615ac2c4c2ac24eadc5f70c39a0b10348e92e86c8d6', 1, 1795000000311, NULL);
INSERT INTO public.stored_file VALUES ('ota/firmware/8aa6c574-fb8e-4e73-b196-35db6e0960cf.apk', 1, 'ota/firmware/8aa6c574-fb8e-4e73-b196-35db6e0960cf.apk/ad42d25ebbf255f0', 360, '9a0b4bc5e6367013893e7d9179763796', '9d1886d2d609f0ea06b4da8146e72d5ed1d71e78', '09455177884c6f2c465157c2da782a2527975b17eb3f273bc309be1af47e7817', 1, 1795000000300, NULL);
INSERT INTO public.stored_file VALUES ('ota/firmware/1e59c37b-7fa0-4b87-80cf-437081697efb.bin', 1, 'ota/firmware/1e59c37b-7fa0-4b87-80cf-437081697efb.bin/d1cbf5f6ca146e91', 3, '9727479252e200330c1e9cc9a3fea96e', 'd3d126c2bb1fd17100d15dbbb9583b4110dd71f0', '349b8e7984cbd04ce3b02be885f590848fc2b30d8735da96ae0b895771b440e9', 1, 1795000000344, NULL);
INSERT INTO public.stored_file VALUES ('ota/firmware/3c124fad-ee63-4c45-831a-51911b7039df.bin', 1, 'ota/firmware/3c124fad-ee63-4c45-831a-51911b7039df.bin/fa5283b7931bbc18', 1, '8277e0910d750195b448797616e091ad', '3c363836cf4e16666669a25da280a1865c2d2874', '18ac3e7343f016890c510e93f935261169d9e3f565436429830faf0934f4f8e4', 1, 1795000000362, NULL);
INSERT INTO public.stored_file VALUES ('ota/firmware/2fafb03d-2894-40aa-9d96-a123a2002b1e.bin', 1, 'ota/firmware/2fafb03d-2894-40aa-9d96-a123a2002b1e.bin/a4e203b66393a787', 1, '7b774effe4a349c6dd82ad4f4f21d34c', '51e69892ab49df85c6230ccc57f8e1d1606caccc', '0bfe935e70c321c7ca3afc75ce0d0ca2f98b5422e008bb31c00c6d7f1f1c0ad6', 1, 1795000000380, NULL);
INSERT INTO public.stored_file VALUES ('ota/objects/44a31172-2ced-4078-8d5f-bdf359f25280.bin', 1, 'ota/objects/44a31172-2ced-4078-8d5f-bdf359f25280.bin/3fa2215d4c72272f', 800, '6740f3c60aaa136e29b4e2abc2fe1a1e', '34d6d4a1ec33622bc82f3c4855f4a5bf8032d2be', '563839e4ec15a564d41d4299e4c5eed99cbb5754a36376adc911f44d2fe6cc40', 1, 1795000000789, NULL);
INSERT INTO public.stored_file VALUES ('ota/objects/e8225c13-89b4-4426-8820-e7d58ec9130d.bin', 1, 'ota/objects/e8225c13-89b4-4426-8820-e7d58ec9130d.bin/400b11ea5192e1c6', 800, '6740f3c60aaa136e29b4e2abc2fe1a1e', '34d6d4a1ec33622bc82f3c4855f4a5bf8032d2be', '563839e4ec15a564d41d4299e4c5eed99cbb5754a36376adc911f44d2fe6cc40', 1, 1795000000798, NULL);
INSERT INTO public.stored_file VALUES ('ota/firmware/c229045d-1979-48dc-bf0f-5518a211d8fb.bin', 1, 'ota/firmware/c229045d-1979-48dc-bf0f-5518a211d8fb.bin/072fe2fabf5fc342', 100, '321f758b1c311b528eac7ec83906365d', '3b8d00fcebd46193b0c8bc384ccc08535cff8931', 'f585366542f09d5550e1f7ccb3781b8644261c80d3af4587ae3ff0a792974b71', 0, 1795000300861, NULL);
INSERT INTO public.stored_file VALUES ('ota/firmware/456deb48-7d01-4b38-94df-12c53da86e7c.bin', 1, NULL, NULL, NULL, NULL, NULL, 0, 1795083100867, NULL);
INSERT INTO public.task VALUES (910848480206986335, 1, 910848480188085082, 910848479739149331, 910848478813095712, 'p', 'dev4', 'default', 'queued', '1.0', '2.0', 0, NULL, 0, 1795000000428, 1795000000428, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848480206986337, 1, 910848480188085082, 910848479739149331, 910848479246225444, 'p', 'dev-ddi', 'default', 'queued', '1.0', '2.0', 0, NULL, 0, 1795000000428, 1795000000428, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848480206986334, 1, 910848480188085082, 910848479739149331, 910848478763611111, 'p', 'dev3', 'default', 'notified', '1.0', '2.0', 0, NULL, 0, 1795000000428, 1795000000478, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848480206986331, 1, 910848480188085082, 910848479739149331, 910848478611798306, 'p', 'dev0', 'default', 'succeeded', '1.0', '2.0', 100, '', 0, 1795000000428, 1795000000499, 1795000000489, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848480206986332, 1, 910848480188085082, 910848479739149331, 910848478662675801, 'p', 'dev1', 'default', 'failed', '1.0', '2.0', 0, 'no space', 0, 1795000000428, 1795000000507, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848480206986333, 1, 910848480188085082, 910848479739149331, 910848478714271727, 'p', 'dev2', 'default', 'in_progress', '1.0', '2.0', 40, NULL, 0, 1795000000428, 1795000000516, 1795000000515, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848480206986336, 1, 910848480188085082, 910848479739149331, 910848478861926449, 'p', 'dev5', 'default', 'canceled', '1.0', '2.0', 0, 'canceled by the operator', 0, 1795000000428, 1795000000524, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848480672077064, 1, 910848480656124561, 910848479778756250, 910848478912686001, 'p', 'dev6', 'default', 'confirm', '1.0', '2.1', 0, NULL, 0, 1795000000539, 1795000000539, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848480735813354, 1, 910848480718487733, 910848479808469529, 910848478965135799, 'p', 'dev7', 'default', 'notified', '1.5', '2.2', 0, 'try again; to be tried again', 1, 1795000000554, 1795000000578, NULL, 1795000600576, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848480879261345, 1, 910848480866312391, 910848479739149331, 910848479015838551, 'p', 'dev8', 'default', 'queued', '1.0', '2.0', 0, NULL, 0, 1795000000589, 1795000000589, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848480943649502, 1, 910848480928301170, 910848479739149331, 910848479065471527, 'p', 'dev9', 'default', 'queued', '1.0', '2.0', 0, NULL, 0, 1795000000604, 1795000000604, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848481041060987, 1, 910848481023679757, 910848479878370099, 910848478611798306, 'p', 'dev0', 'mcu', 'queued', '3.1', '3.2', 0, NULL, 0, 1795000000627, 1795000000627, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848481104252348, 1, 910848481080930398, 910848480029233694, 910848479116044331, 'p', 'dev10', 'default', 'queued', '1.0', '2.4', 0, NULL, 0, 1795000000642, 1795000000642, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848481164872219, 1, 910848481149650788, 910848479956152076, 910848479164992371, 'p', 'dev11', 'default', 'succeeded', '1.0', '2.3', 100, '', 0, 1795000000657, 1795000000680, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848481473153073, 1, 910848481322283271, 910848479739149331, 910848481439529155, 'p', 'late', 'default', 'queued', '0.9', '2.0', 0, NULL, 0, 1795000000728, 1795000000728, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848481806843639, 1, 910848481791605020, 910848481728676549, 910848481598281796, 'door', 'door2', 'default', 'queued', '1.0', 'V2.0', 0, NULL, 0, 1795000000810, 1795000000810, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848481866552500, 1, 910848481848857129, 910848481766686080, 910848481645417521, 'door', 'door3', 'software', 'queued', NULL, 'S1', 0, NULL, 0, 1795000000824, 1795000000824, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.task VALUES (910848481806843638, 1, 910848481791605020, 910848481728676549, 910848481553191439, 'door', 'door1', 'default', 'notified', '1.0', 'V2.0', 0, NULL, 0, 1795000000810, 1795000000835, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.webhook VALUES (910848478480197167, 1, 'http://127.0.0.1:48686/hook?token=hidden', 'g50E37H9XO8Bsv2FuxFNRjgveVnW0TkavO55J1yPvQO3x6BsOsxgJGF/pEz+auRx', '*', true, 0, 1795000000016);
INSERT INTO public.webhook VALUES (910848478490585968, 1, 'http://127.0.0.1:48687/jobs', '26luXxayqTGHRvcOUSuMx6UC6i0HztEEiqiK8g40v8RsvYtne8tda3qSOse3R+Ap6IQOmpmotw7EJsWejZmGS0nO/Ys=', 'job.*', false, 0, 1795000000018);
INSERT INTO public.webhook_delivery VALUES (910848480198078731, 910848478480197167, 'job.created', '{"id":"910848480198078731","event":"job.created","created":"2026-11-18T11:06:40.425Z","data":{"job":"910848480188085082","package":"910848479739149331","product":"p","module":"default","version":"2.0","kind":"upgrade","selection":"static","target":"specific","state":"in_progress","paused":null}}', 'pending', 0, 1795000000424, NULL, NULL, 1795000000425, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480218950174, 910848478480197167, 'task.queued', '{"id":"910848480218950174","event":"task.queued","created":"2026-11-18T11:06:40.430Z","data":{"task":"910848480206986331","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev0","device_id":"1947f7bb-17b8-8f24-9580-647fa350b380","module":"default","source_version":"1.0","version":"2.0","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000429, NULL, NULL, 1795000000430, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480218950175, 910848478480197167, 'task.queued', '{"id":"910848480218950175","event":"task.queued","created":"2026-11-18T11:06:40.430Z","data":{"task":"910848480206986332","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev1","device_id":"1947f7bb-1dc9-89ab-8eab-f103ab91c997","module":"default","source_version":"1.0","version":"2.0","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000429, NULL, NULL, 1795000000430, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480218950176, 910848478480197167, 'task.queued', '{"id":"910848480218950176","event":"task.queued","created":"2026-11-18T11:06:40.430Z","data":{"task":"910848480206986333","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev2","device_id":"1947f7bb-23f0-82fd-b8db-ace3818b15dc","module":"default","source_version":"1.0","version":"2.0","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000429, NULL, NULL, 1795000000430, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480218950177, 910848478480197167, 'task.queued', '{"id":"910848480218950177","event":"task.queued","created":"2026-11-18T11:06:40.430Z","data":{"task":"910848480206986334","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev3","device_id":"1947f7bb-29d1-8e7c-bb2f-ccabc3ded6e4","module":"default","source_version":"1.0","version":"2.0","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000429, NULL, NULL, 1795000000430, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480218950178, 910848478480197167, 'task.queued', '{"id":"910848480218950178","event":"task.queued","created":"2026-11-18T11:06:40.430Z","data":{"task":"910848480206986335","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev4","device_id":"1947f7bb-2fb8-80e4-80c3-ef9b456f426b","module":"default","source_version":"1.0","version":"2.0","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000429, NULL, NULL, 1795000000430, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480218950179, 910848478480197167, 'task.queued', '{"id":"910848480218950179","event":"task.queued","created":"2026-11-18T11:06:40.430Z","data":{"task":"910848480206986336","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev5","device_id":"1947f7bb-358a-8406-8e0e-dbbd0ec807f5","module":"default","source_version":"1.0","version":"2.0","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000429, NULL, NULL, 1795000000430, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480218950180, 910848478480197167, 'task.queued', '{"id":"910848480218950180","event":"task.queued","created":"2026-11-18T11:06:40.430Z","data":{"task":"910848480206986337","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev-ddi","device_id":"1947f7bb-635a-8204-a5a1-542b5b79bc7b","module":"default","source_version":"1.0","version":"2.0","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000429, NULL, NULL, 1795000000430, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480270620725, 910848478480197167, 'task.notified', '{"id":"910848480270620725","event":"task.notified","created":"2026-11-18T11:06:40.442Z","data":{"task":"910848480206986331","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev0","device_id":"1947f7bb-17b8-8f24-9580-647fa350b380","module":"default","source_version":"1.0","version":"2.0","state":"notified","progress":0,"note":null}}', 'pending', 0, 1795000000441, NULL, NULL, 1795000000442, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480323096995, 910848478480197167, 'task.notified', '{"id":"910848480323096995","event":"task.notified","created":"2026-11-18T11:06:40.455Z","data":{"task":"910848480206986332","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev1","device_id":"1947f7bb-1dc9-89ab-8eab-f103ab91c997","module":"default","source_version":"1.0","version":"2.0","state":"notified","progress":0,"note":null}}', 'pending', 0, 1795000000454, NULL, NULL, 1795000000455, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480379748167, 910848478480197167, 'task.notified', '{"id":"910848480379748167","event":"task.notified","created":"2026-11-18T11:06:40.468Z","data":{"task":"910848480206986333","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev2","device_id":"1947f7bb-23f0-82fd-b8db-ace3818b15dc","module":"default","source_version":"1.0","version":"2.0","state":"notified","progress":0,"note":null}}', 'pending', 0, 1795000000467, NULL, NULL, 1795000000468, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480432577534, 910848478480197167, 'task.notified', '{"id":"910848480432577534","event":"task.notified","created":"2026-11-18T11:06:40.481Z","data":{"task":"910848480206986334","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev3","device_id":"1947f7bb-29d1-8e7c-bb2f-ccabc3ded6e4","module":"default","source_version":"1.0","version":"2.0","state":"notified","progress":0,"note":null}}', 'pending', 0, 1795000000480, NULL, NULL, 1795000000481, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480484713788, 910848478480197167, 'task.in_progress', '{"id":"910848480484713788","event":"task.in_progress","created":"2026-11-18T11:06:40.493Z","data":{"task":"910848480206986331","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev0","device_id":"1947f7bb-17b8-8f24-9580-647fa350b380","module":"default","source_version":"1.0","version":"2.0","state":"in_progress","progress":100,"note":null}}', 'pending', 0, 1795000000492, NULL, NULL, 1795000000493, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480522271413, 910848478480197167, 'task.succeeded', '{"id":"910848480522271413","event":"task.succeeded","created":"2026-11-18T11:06:40.502Z","data":{"task":"910848480206986331","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev0","device_id":"1947f7bb-17b8-8f24-9580-647fa350b380","module":"default","source_version":"1.0","version":"2.0","state":"succeeded","progress":100,"note":""}}', 'pending', 0, 1795000000501, NULL, NULL, 1795000000502, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480552509742, 910848478480197167, 'task.failed', '{"id":"910848480552509742","event":"task.failed","created":"2026-11-18T11:06:40.510Z","data":{"task":"910848480206986332","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev1","device_id":"1947f7bb-1dc9-89ab-8eab-f103ab91c997","module":"default","source_version":"1.0","version":"2.0","state":"failed","progress":0,"note":"no space"}}', 'pending', 0, 1795000000509, NULL, NULL, 1795000000510, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480590232080, 910848478480197167, 'task.in_progress', '{"id":"910848480590232080","event":"task.in_progress","created":"2026-11-18T11:06:40.519Z","data":{"task":"910848480206986333","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev2","device_id":"1947f7bb-23f0-82fd-b8db-ace3818b15dc","module":"default","source_version":"1.0","version":"2.0","state":"in_progress","progress":40,"note":null}}', 'pending', 0, 1795000000518, NULL, NULL, 1795000000519, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480623470330, 910848478480197167, 'task.canceled', '{"id":"910848480623470330","event":"task.canceled","created":"2026-11-18T11:06:40.527Z","data":{"task":"910848480206986336","job":"910848480188085082","package":"910848479739149331","product":"p","device":"dev5","device_id":"1947f7bb-358a-8406-8e0e-dbbd0ec807f5","module":"default","source_version":"1.0","version":"2.0","state":"canceled","progress":0,"note":"canceled by the operator"}}', 'pending', 0, 1795000000526, NULL, NULL, 1795000000527, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480661904326, 910848478480197167, 'job.created', '{"id":"910848480661904326","event":"job.created","created":"2026-11-18T11:06:40.536Z","data":{"job":"910848480656124561","package":"910848479778756250","product":"p","module":"default","version":"2.1","kind":"upgrade","selection":"static","target":"specific","state":"in_progress","paused":null}}', 'pending', 0, 1795000000535, NULL, NULL, 1795000000536, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480685056020, 910848478480197167, 'task.confirm', '{"id":"910848480685056020","event":"task.confirm","created":"2026-11-18T11:06:40.541Z","data":{"task":"910848480672077064","job":"910848480656124561","package":"910848479778756250","product":"p","device":"dev6","device_id":"1947f7bb-3b97-84f6-8ee2-01825f2f9efb","module":"default","source_version":"1.0","version":"2.1","state":"confirm","progress":0,"note":null}}', 'pending', 0, 1795000000540, NULL, NULL, 1795000000541, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480727263170, 910848478480197167, 'job.created', '{"id":"910848480727263170","event":"job.created","created":"2026-11-18T11:06:40.551Z","data":{"job":"910848480718487733","package":"910848479808469529","product":"p","module":"default","version":"2.2","kind":"upgrade","selection":"static","target":"all","state":"in_progress","paused":null}}', 'pending', 0, 1795000000550, NULL, NULL, 1795000000551, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480746479727, 910848478480197167, 'task.queued', '{"id":"910848480746479727","event":"task.queued","created":"2026-11-18T11:06:40.556Z","data":{"task":"910848480735813354","job":"910848480718487733","package":"910848479808469529","product":"p","device":"dev7","device_id":"1947f7bb-41d7-8f36-bac0-3c4b1553b493","module":"default","source_version":"1.5","version":"2.2","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000555, NULL, NULL, 1795000000556, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480798792037, 910848478480197167, 'task.notified', '{"id":"910848480798792037","event":"task.notified","created":"2026-11-18T11:06:40.568Z","data":{"task":"910848480735813354","job":"910848480718487733","package":"910848479808469529","product":"p","device":"dev7","device_id":"1947f7bb-41d7-8f36-bac0-3c4b1553b493","module":"default","source_version":"1.5","version":"2.2","state":"notified","progress":0,"note":null}}', 'pending', 0, 1795000000567, NULL, NULL, 1795000000568, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480872044090, 910848478480197167, 'job.created', '{"id":"910848480872044090","event":"job.created","created":"2026-11-18T11:06:40.586Z","data":{"job":"910848480866312391","package":"910848479739149331","product":"p","module":"default","version":"2.0","kind":"upgrade","selection":"static","target":"specific","state":"planned","paused":null}}', 'pending', 0, 1795000000585, NULL, NULL, 1795000000586, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480894018770, 910848478480197167, 'task.queued', '{"id":"910848480894018770","event":"task.queued","created":"2026-11-18T11:06:40.591Z","data":{"task":"910848480879261345","job":"910848480866312391","package":"910848479739149331","product":"p","device":"dev8","device_id":"1947f7bb-47e3-846a-b9a3-fff06be89499","module":"default","source_version":"1.0","version":"2.0","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000590, NULL, NULL, 1795000000591, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480937563202, 910848478480197167, 'job.created', '{"id":"910848480937563202","event":"job.created","created":"2026-11-18T11:06:40.601Z","data":{"job":"910848480928301170","package":"910848479739149331","product":"p","module":"default","version":"2.0","kind":"upgrade","selection":"static","target":"specific","state":"in_progress","paused":null}}', 'pending', 0, 1795000000600, NULL, NULL, 1795000000601, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480954772862, 910848478480197167, 'task.queued', '{"id":"910848480954772862","event":"task.queued","created":"2026-11-18T11:06:40.606Z","data":{"task":"910848480943649502","job":"910848480928301170","package":"910848479739149331","product":"p","device":"dev9","device_id":"1947f7bb-4dcd-8f44-ba42-c8102340878a","module":"default","source_version":"1.0","version":"2.0","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000605, NULL, NULL, 1795000000606, NULL);
INSERT INTO public.webhook_delivery VALUES (910848480993848058, 910848478480197167, 'job.paused', '{"id":"910848480993848058","event":"job.paused","created":"2026-11-18T11:06:40.615Z","data":{"job":"910848480928301170","package":"910848479739149331","product":"p","module":"default","version":"2.0","kind":"upgrade","selection":"static","target":"specific","state":"in_progress","paused":"paused by the operator"}}', 'pending', 0, 1795000000614, NULL, NULL, 1795000000615, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481032194913, 910848478480197167, 'job.created', '{"id":"910848481032194913","event":"job.created","created":"2026-11-18T11:06:40.624Z","data":{"job":"910848481023679757","package":"910848479878370099","product":"p","module":"mcu","version":"3.2","kind":"upgrade","selection":"static","target":"specific","state":"in_progress","paused":null}}', 'pending', 0, 1795000000623, NULL, NULL, 1795000000624, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481052056628, 910848478480197167, 'task.queued', '{"id":"910848481052056628","event":"task.queued","created":"2026-11-18T11:06:40.629Z","data":{"task":"910848481041060987","job":"910848481023679757","package":"910848479878370099","product":"p","device":"dev0","device_id":"1947f7bb-17b8-8f24-9580-647fa350b380","module":"mcu","source_version":"3.1","version":"3.2","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000628, NULL, NULL, 1795000000629, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481091557538, 910848478480197167, 'job.created', '{"id":"910848481091557538","event":"job.created","created":"2026-11-18T11:06:40.638Z","data":{"job":"910848481080930398","package":"910848480029233694","product":"p","module":"default","version":"2.4","kind":"verify","selection":"static","target":"specific","state":"in_progress","paused":null}}', 'pending', 0, 1795000000637, NULL, NULL, 1795000000638, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481117904053, 910848478480197167, 'task.queued', '{"id":"910848481117904053","event":"task.queued","created":"2026-11-18T11:06:40.644Z","data":{"task":"910848481104252348","job":"910848481080930398","package":"910848480029233694","product":"p","device":"dev10","device_id":"1947f7bb-53d5-8505-993c-316af8e48715","module":"default","source_version":"1.0","version":"2.4","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000643, NULL, NULL, 1795000000644, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481158896991, 910848478480197167, 'job.created', '{"id":"910848481158896991","event":"job.created","created":"2026-11-18T11:06:40.654Z","data":{"job":"910848481149650788","package":"910848479956152076","product":"p","module":"default","version":"2.3","kind":"upgrade","selection":"static","target":"specific","state":"in_progress","paused":null}}', 'pending', 0, 1795000000653, NULL, NULL, 1795000000654, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481177684743, 910848478480197167, 'task.queued', '{"id":"910848481177684743","event":"task.queued","created":"2026-11-18T11:06:40.659Z","data":{"task":"910848481164872219","job":"910848481149650788","package":"910848479956152076","product":"p","device":"dev11","device_id":"1947f7bb-59ab-816e-9bcd-746672e3a856","module":"default","source_version":"1.0","version":"2.3","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000658, NULL, NULL, 1795000000659, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481229398984, 910848478480197167, 'task.notified', '{"id":"910848481229398984","event":"task.notified","created":"2026-11-18T11:06:40.671Z","data":{"task":"910848481164872219","job":"910848481149650788","package":"910848479956152076","product":"p","device":"dev11","device_id":"1947f7bb-59ab-816e-9bcd-746672e3a856","module":"default","source_version":"1.0","version":"2.3","state":"notified","progress":0,"note":null}}', 'pending', 0, 1795000000670, NULL, NULL, 1795000000671, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481280853022, 910848478480197167, 'task.succeeded', '{"id":"910848481280853022","event":"task.succeeded","created":"2026-11-18T11:06:40.683Z","data":{"task":"910848481164872219","job":"910848481149650788","package":"910848479956152076","product":"p","device":"dev11","device_id":"1947f7bb-59ab-816e-9bcd-746672e3a856","module":"default","source_version":"1.0","version":"2.3","state":"succeeded","progress":100,"note":""}}', 'pending', 0, 1795000000682, NULL, NULL, 1795000000683, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481301205033, 910848478480197167, 'job.completed', '{"id":"910848481301205033","event":"job.completed","created":"2026-11-18T11:06:40.688Z","data":{"job":"910848481149650788","package":"910848479956152076","product":"p","module":"default","version":"2.3","kind":"upgrade","selection":"static","target":"specific","state":"completed","paused":null}}', 'pending', 0, 1795000000687, NULL, NULL, 1795000000688, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481328545411, 910848478480197167, 'job.created', '{"id":"910848481328545411","event":"job.created","created":"2026-11-18T11:06:40.695Z","data":{"job":"910848481322283271","package":"910848479739149331","product":"p","module":"default","version":"2.0","kind":"upgrade","selection":"dynamic","target":"all","state":"in_progress","paused":null}}', 'pending', 0, 1795000000694, NULL, NULL, 1795000000695, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481363347025, 910848478480197167, 'job.created', '{"id":"910848481363347025","event":"job.created","created":"2026-11-18T11:06:40.703Z","data":{"job":"910848481354181482","package":"910848479778756250","product":"p","module":"default","version":"2.1","kind":"upgrade","selection":"dynamic","target":"all","state":"in_progress","paused":null}}', 'pending', 0, 1795000000702, NULL, NULL, 1795000000703, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481408090121, 910848478480197167, 'job.canceled', '{"id":"910848481408090121","event":"job.canceled","created":"2026-11-18T11:06:40.714Z","data":{"job":"910848481354181482","package":"910848479778756250","product":"p","module":"default","version":"2.1","kind":"upgrade","selection":"dynamic","target":"all","state":"canceled","paused":null}}', 'pending', 0, 1795000000713, NULL, NULL, 1795000000714, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481479378268, 910848478480197167, 'task.queued', '{"id":"910848481479378268","event":"task.queued","created":"2026-11-18T11:06:40.731Z","data":{"task":"910848481473153073","job":"910848481322283271","package":"910848479739149331","product":"p","device":"late","device_id":"1947f7bc-68d0-8718-9c42-a1aa009fc008","module":"default","source_version":"0.9","version":"2.0","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000730, NULL, NULL, 1795000000731, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481798133215, 910848478480197167, 'job.created', '{"id":"910848481798133215","event":"job.created","created":"2026-11-18T11:06:40.807Z","data":{"job":"910848481791605020","package":"910848481728676549","product":"door","module":"default","version":"V2.0","kind":"upgrade","selection":"static","target":"specific","state":"in_progress","paused":null}}', 'pending', 0, 1795000000806, NULL, NULL, 1795000000807, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481822421679, 910848478480197167, 'task.queued', '{"id":"910848481822421679","event":"task.queued","created":"2026-11-18T11:06:40.812Z","data":{"task":"910848481806843638","job":"910848481791605020","package":"910848481728676549","product":"door","device":"door1","device_id":"1947f7bc-765d-8241-bd18-48da3eb8ea2f","module":"default","source_version":"1.0","version":"V2.0","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000811, NULL, NULL, 1795000000812, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481822421680, 910848478480197167, 'task.queued', '{"id":"910848481822421680","event":"task.queued","created":"2026-11-18T11:06:40.812Z","data":{"task":"910848481806843639","job":"910848481791605020","package":"910848481728676549","product":"door","device":"door2","device_id":"1947f7bc-7bbd-8308-a314-d99214d65d33","module":"default","source_version":"1.0","version":"V2.0","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000811, NULL, NULL, 1795000000812, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481858652821, 910848478480197167, 'job.created', '{"id":"910848481858652821","event":"job.created","created":"2026-11-18T11:06:40.821Z","data":{"job":"910848481848857129","package":"910848481766686080","product":"door","module":"software","version":"S1","kind":"upgrade","selection":"static","target":"specific","state":"planned","paused":null}}', 'pending', 0, 1795000000820, NULL, NULL, 1795000000821, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481877682652, 910848478480197167, 'task.queued', '{"id":"910848481877682652","event":"task.queued","created":"2026-11-18T11:06:40.826Z","data":{"task":"910848481866552500","job":"910848481848857129","package":"910848481766686080","product":"door","device":"door3","device_id":"1947f7bc-815b-8a86-8cd2-6c932b8d2b4f","module":"software","source_version":null,"version":"S1","state":"queued","progress":0,"note":null}}', 'pending', 0, 1795000000825, NULL, NULL, 1795000000826, NULL);
INSERT INTO public.webhook_delivery VALUES (910848481929311321, 910848478480197167, 'task.notified', '{"id":"910848481929311321","event":"task.notified","created":"2026-11-18T11:06:40.838Z","data":{"task":"910848481806843638","job":"910848481791605020","package":"910848481728676549","product":"door","device":"door1","device_id":"1947f7bc-765d-8241-bd18-48da3eb8ea2f","module":"default","source_version":"1.0","version":"V2.0","state":"notified","progress":0,"note":null}}', 'pending', 0, 1795000000837, NULL, NULL, 1795000000838, NULL);
SELECT pg_catalog.setval('public.account_id_seq', 4, true);
SELECT pg_catalog.setval('public.device_batch_id_seq', 3, true);
SELECT pg_catalog.setval('public.device_event_id_seq', 56, true);
SELECT pg_catalog.setval('public.huey_schedule_id_seq', 1, false);
SELECT pg_catalog.setval('public.huey_task_id_seq', 1, true);
SELECT pg_catalog.setval('public.schema_migration_id_seq', 13, true);
ALTER TABLE ONLY public.access_key
    ADD CONSTRAINT access_key_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.answer
    ADD CONSTRAINT answer_pkey PRIMARY KEY (account_id, action, token);
ALTER TABLE ONLY public.audit_event
    ADD CONSTRAINT audit_event_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.bucket
    ADD CONSTRAINT bucket_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.counter
    ADD CONSTRAINT counter_pkey PRIMARY KEY (account_id, scope);
ALTER TABLE ONLY public.device_batch
    ADD CONSTRAINT device_batch_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.device_event
    ADD CONSTRAINT device_event_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.device_group_member
    ADD CONSTRAINT device_group_member_pkey PRIMARY KEY (group_id, device_id);
ALTER TABLE ONLY public.device_group
    ADD CONSTRAINT device_group_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.device_origin
    ADD CONSTRAINT device_origin_pkey PRIMARY KEY (device_id);
ALTER TABLE ONLY public.device
    ADD CONSTRAINT device_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.device_version
    ADD CONSTRAINT device_version_pkey PRIMARY KEY (device_id, folded);
ALTER TABLE ONLY public.fact
    ADD CONSTRAINT fact_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.huey_counter
    ADD CONSTRAINT huey_counter_pkey PRIMARY KEY (queue, key);
ALTER TABLE ONLY public.huey_kv
    ADD CONSTRAINT huey_kv_pkey PRIMARY KEY (queue, key);
ALTER TABLE ONLY public.huey_schedule
    ADD CONSTRAINT huey_schedule_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.huey_task
    ADD CONSTRAINT huey_task_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.minimum_version
    ADD CONSTRAINT minimum_version_pkey PRIMARY KEY (product_key, folded);
ALTER TABLE ONLY public.module
    ADD CONSTRAINT module_pkey PRIMARY KEY (product_id, folded);
ALTER TABLE ONLY public.nonce_997221
    ADD CONSTRAINT nonce_997221_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public.nonce_997222
    ADD CONSTRAINT nonce_997222_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public.package
    ADD CONSTRAINT package_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.package_signature
    ADD CONSTRAINT package_signature_pkey PRIMARY KEY (package_id, key_id);
ALTER TABLE ONLY public.product
    ADD CONSTRAINT product_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.project
    ADD CONSTRAINT project_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.signing_key
    ADD CONSTRAINT signing_key_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.space
    ADD CONSTRAINT space_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.stored_file
    ADD CONSTRAINT stored_file_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.webhook_delivery
    ADD CONSTRAINT webhook_delivery_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.webhook
    ADD CONSTRAINT webhook_pkey PRIMARY KEY (id);
CREATE INDEX access_key_account_id ON public.access_key USING btree (account_id);
CREATE UNIQUE INDEX account_name ON public.account USING btree (name);
CREATE INDEX answer_created ON public.answer USING btree (created);
CREATE INDEX audit_event_account_id_at_id ON public.audit_event USING btree (account_id, at, id);
CREATE INDEX audit_event_at ON public.audit_event USING btree (at);
CREATE INDEX device_account_id_id ON public.device USING btree (account_id, id);
CREATE INDEX device_batch_created ON public.device_batch USING btree (created);
CREATE INDEX device_batch_id_id ON public.device USING btree (batch_id, id);
CREATE INDEX device_batch_product_key ON public.device_batch USING btree (product_key);
CREATE INDEX device_event_device_id_id ON public.device_event USING btree (device_id, id);
CREATE INDEX device_group_account_id_id ON public.device_group USING btree (account_id, id);
CREATE UNIQUE INDEX device_group_account_id_name ON public.device_group USING btree (account_id, name);
CREATE INDEX device_group_member_device_id ON public.device_group_member USING btree (device_id);
CREATE INDEX device_group_parent_id ON public.device_group USING btree (parent_id);
CREATE UNIQUE INDEX device_origin_account_id_external_id ON public.device_origin USING btree (account_id, external_id);
CREATE INDEX device_product_key_id ON public.device USING btree (product_key, id);
CREATE UNIQUE INDEX device_product_key_name ON public.device USING btree (product_key, name);
CREATE INDEX huey_schedule_queue_timestamp ON public.huey_schedule USING btree (queue, "timestamp");
CREATE INDEX huey_task_queue_priority_id ON public.huey_task USING btree (queue, priority DESC, id);
CREATE INDEX job_account_id_id ON public.job USING btree (account_id, id);
CREATE INDEX job_due ON public.job USING btree (due) WHERE (due IS NOT NULL);
CREATE INDEX job_ended ON public.job USING btree (ended);
CREATE INDEX job_package_id_id ON public.job USING btree (package_id, id);
CREATE INDEX job_product_key_module_selection_state ON public.job USING btree (product_key, module, selection, state);
CREATE UNIQUE INDEX module_number ON public.module USING btree (number);
CREATE INDEX module_product_id ON public.module USING btree (product_id);
CREATE INDEX package_account_id_id ON public.package USING btree (account_id, id);
CREATE INDEX package_account_id_kind_id ON public.package USING btree (account_id, kind, id);
CREATE UNIQUE INDEX package_account_id_name ON public.package USING btree (account_id, name);
CREATE INDEX package_account_id_product_key_id ON public.package USING btree (account_id, product_key, id);
CREATE INDEX package_account_id_product_key_version_id ON public.package USING btree (account_id, product_key, version, id);
CREATE INDEX package_account_id_version_id ON public.package USING btree (account_id, version, id);
CREATE INDEX package_signature_key_id ON public.package_signature USING btree (key_id);
CREATE INDEX product_account_id ON public.product USING btree (account_id);
CREATE INDEX product_account_id_edition_id ON public.product USING btree (account_id, edition, id);
CREATE UNIQUE INDEX product_account_id_id ON public.product USING btree (account_id, id);
CREATE UNIQUE INDEX product_account_id_name ON public.product USING btree (account_id, name);
CREATE INDEX project_account_id_created_id ON public.project USING btree (account_id, created, id);
CREATE UNIQUE INDEX schema_migration_name ON public.schema_migration USING btree (name);
CREATE UNIQUE INDEX signing_key_account_id_name ON public.signing_key USING btree (account_id, name);
CREATE UNIQUE INDEX space_account_id_name ON public.space USING btree (account_id, name);
CREATE INDEX stored_file_uses_idle_since ON public.stored_file USING btree (uses, idle_since);
CREATE UNIQUE INDEX task_action ON public.task USING btree (device_id, action) WHERE (action IS NOT NULL);
CREATE INDEX task_device_id_id ON public.task USING btree (device_id, id);
CREATE INDEX task_due ON public.task USING btree (due) WHERE (due IS NOT NULL);
CREATE INDEX task_job_id_device_name ON public.task USING btree (job_id, device_name);
CREATE INDEX task_job_id_id ON public.task USING btree (job_id, id);
CREATE INDEX task_job_id_state_id ON public.task USING btree (job_id, state, id);
CREATE UNIQUE INDEX task_open ON public.task USING btree (device_id, module) WHERE ((state)::text = ANY ((ARRAY['confirm'::character varying, 'queued'::character varying, 'notified'::character varying, 'in_progress'::character varying])::text[]));
CREATE INDEX task_recall ON public.task USING btree (device_id) WHERE ((recall)::text = 'pending'::text);
CREATE INDEX task_retry ON public.task USING btree (job_id, state) WHERE (retry_at IS NOT NULL);
CREATE INDEX webhook_account_id_id ON public.webhook USING btree (account_id, id);
CREATE INDEX webhook_delivery_done_at ON public.webhook_delivery USING btree (done_at);
CREATE INDEX webhook_delivery_webhook_id_id ON public.webhook_delivery USING btree (webhook_id, id);
CREATE INDEX webhook_delivery_webhook_id_next_at_id ON public.webhook_delivery USING btree (webhook_id, next_at, id);
ALTER TABLE ONLY public.access_key
    ADD CONSTRAINT access_key_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.device_batch
    ADD CONSTRAINT device_batch_product_key_fkey FOREIGN KEY (product_key) REFERENCES public.product(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.device_group_member
    ADD CONSTRAINT device_group_member_device_id_fkey FOREIGN KEY (device_id) REFERENCES public.device(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.device_group_member
    ADD CONSTRAINT device_group_member_group_id_fkey FOREIGN KEY (group_id) REFERENCES public.device_group(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.device_group
    ADD CONSTRAINT device_group_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES public.device_group(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.device_origin
    ADD CONSTRAINT device_origin_device_id_fkey FOREIGN KEY (device_id) REFERENCES public.device(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.device
    ADD CONSTRAINT device_product_key_fkey FOREIGN KEY (product_key) REFERENCES public.product(key) ON DELETE RESTRICT;
ALTER TABLE ONLY public.device_version
    ADD CONSTRAINT device_version_device_id_fkey FOREIGN KEY (device_id) REFERENCES public.device(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.minimum_version
    ADD CONSTRAINT minimum_version_product_key_fkey FOREIGN KEY (product_key) REFERENCES public.product(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.module
    ADD CONSTRAINT module_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.product(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.package_signature
    ADD CONSTRAINT package_signature_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.signing_key(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.package_signature
    ADD CONSTRAINT package_signature_package_id_fkey FOREIGN KEY (package_id) REFERENCES public.package(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.product
    ADD CONSTRAINT product_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.signing_key
    ADD CONSTRAINT signing_key_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.webhook_delivery
    ADD CONSTRAINT webhook_delivery_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES public.webhook(id) ON DELETE CASCADE;
