BEGIN TRANSACTION;
CREATE TABLE incidents (
	project VARCHAR(80) NOT NULL, 
	environment VARCHAR(40) NOT NULL, 
	live BOOLEAN NOT NULL, 
	subject VARCHAR(60) NOT NULL, 
	opened_at DATETIME NOT NULL, 
	run_id VARCHAR(40) NOT NULL, 
	failing JSON NOT NULL, 
	told_at DATETIME, 
	closed_at DATETIME, 
	PRIMARY KEY (project, environment, live, subject, opened_at)
);
INSERT INTO "incidents" VALUES('shop','staging',1,'chatwoot','2026-11-23 12:00:00.000000','20261123T120000Z-runs','["health.chatwoot_available"]','2026-11-23 12:00:00.000000',NULL);
CREATE TABLE results (
	run_id VARCHAR(40) NOT NULL, 
	check_id VARCHAR(120) NOT NULL, 
	task VARCHAR(60) NOT NULL, 
	result VARCHAR(8) NOT NULL, 
	gate BOOLEAN NOT NULL, 
	provenance VARCHAR(12) NOT NULL, 
	observed JSON, 
	duration_s FLOAT NOT NULL, 
	PRIMARY KEY (run_id, check_id), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "results" VALUES('20261123T120000Z-runs','rls.every_table_enabled','rls','pass',1,'embedded',5,1.5);
INSERT INTO "results" VALUES('20261123T120000Z-runs','seed.row_counts_match','seed','pass',1,'embedded','{"public.votes": 5}',1.5);
INSERT INTO "results" VALUES('20261124T120000Z-runs','rls.every_table_enabled','rls','fail',1,'embedded',4,1.5);
INSERT INTO "results" VALUES('20261124T120000Z-runs','seed.row_counts_match','seed','pass',1,'embedded','{"public.votes": 5}',1.5);
CREATE TABLE runs (
	run_id VARCHAR(40) NOT NULL, 
	project VARCHAR(80) DEFAULT '' NOT NULL, 
	environment VARCHAR(40) NOT NULL, 
	verdict VARCHAR(16) NOT NULL, 
	partial BOOLEAN NOT NULL, 
	finished BOOLEAN NOT NULL, 
	commit_id VARCHAR(64), 
	started_at DATETIME NOT NULL, 
	duration_s FLOAT NOT NULL, 
	PRIMARY KEY (run_id)
);
INSERT INTO "runs" VALUES('20261123T120000Z-runs','shop','staging','REHEARSED',0,1,'0123456789ab','2026-11-23 12:00:00.000000',61.5);
INSERT INTO "runs" VALUES('20261124T120000Z-runs','shop','staging','NO-GO',0,1,'0123456789ab','2026-11-24 12:00:00.000000',61.5);
CREATE INDEX ix_runs_project ON runs (project);
CREATE INDEX ix_runs_environment ON runs (environment);
COMMIT;
