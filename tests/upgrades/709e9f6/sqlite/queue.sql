BEGIN TRANSACTION;
CREATE TABLE counter (queue text not null, key text not null, value integer not null default 0, primary key(queue, key));
CREATE TABLE kv (queue text not null, key text not null, value blob not null, primary key(queue, key));
CREATE TABLE schedule (id integer not null primary key, queue text not null, data blob not null, timestamp real not null);
CREATE TABLE task (id integer not null primary key, queue text not null, data blob not null, priority real not null default 0.0);
INSERT INTO "task" VALUES(1,'otagw_634021c8bdc6',X'80059572000000000000008C0D687565792E7265676973747279948C074D657373616765949394288C2461613439393239612D313538612D343562342D383032332D303633383835653963393232948C156F746167772E7461736B71756575652E7377656570944E4B004B004E297D944E4E4E4E4E4E4B00749481942E3A39343531633665613165646330306231353566393661656665616365356537613334326139383439',0.0);
CREATE INDEX schedule_queue_timestamp on schedule (queue, timestamp);
CREATE INDEX task_queue_priority_id on task (queue, priority desc, id);
COMMIT;
