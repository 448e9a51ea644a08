BEGIN TRANSACTION;
CREATE TABLE event (
	id INTEGER NOT NULL,
	stream_id INTEGER NOT NULL,
	key_end TEXT NOT NULL,
	key_start TEXT NOT NULL,
	rev INTEGER NOT NULL,
	kind TEXT NOT NULL,
	receipt TEXT,
	trust TEXT NOT NULL,
	src TEXT NOT NULL,
	at INTEGER NOT NULL,
	nonce TEXT,
	short_code TEXT,
	body_sha256 BLOB NOT NULL,
	money BLOB NOT NULL,
	chain BLOB NOT NULL,
	encoding INTEGER NOT NULL,
	body TEXT,
	PRIMARY KEY (id),
	CONSTRAINT event_identity UNIQUE (key_end, key_start, stream_id, rev),
	CONSTRAINT event_place CHECK (id >> 40 = stream_id AND id & 1099511627775 > 0),
	FOREIGN KEY(stream_id) REFERENCES stream (id)
)
 STRICT
;
INSERT INTO "event" VALUES(1099511627777,1,'UJE7K2M9QX','c2b:600966:',0,'c2b.confirmation','UJE7K2M9QX','trusted','daraja',1700000000000,NULL,NULL,X'4313F44F92CEC5CE3789FB43F569D3CDC14FEBC39E3E149808BBBD5EF7243972',X'6D',X'8DE88B2AB11253BF36680D7F614C3866',0,'{"TransID":"UJE7K2M9QX"}');
INSERT INTO "event" VALUES(1099511627778,1,'ws_CO_1','stk:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd:',0,'stk','UJE7K2M9QY','trusted','daraja',1700000000000,NULL,NULL,X'4313F44F92CEC5CE3789FB43F569D3CDC14FEBC39E3E149808BBBD5EF7243972',X'6D',X'1EA8FD5FF63843F5DE4F36990DB67EE8',0,'{"TransID":"UJE7K2M9QX"}');
INSERT INTO "event" VALUES(1099511627779,1,'1','claim:UJE7K2M9QX:',0,'claim','UJE7K2M9QX','trusted','daraja',1700000000000,NULL,NULL,X'EF364C9185968FCA5F34A4544B3FD5739A1F0505075C73F3DA1BE80E4A84EF09',X'6D',X'0239AE29F7814729695E85FAA6A21ABA',0,'{"receipt":"UJE7K2M9QX","generation":1,"till_id":"till_8289a74e","till":"Till 1","sale":"142","cashier":"","at":"2023-11-14T22:13:20.000Z","reason":""}');
CREATE TABLE invite (
	first_half TEXT NOT NULL,
	shop_id INTEGER NOT NULL,
	code_sha256 TEXT NOT NULL,
	expires_at INTEGER NOT NULL,
	tries INTEGER DEFAULT '0' NOT NULL,
	PRIMARY KEY (first_half),
	FOREIGN KEY(shop_id) REFERENCES shop (id)
)
 STRICT
;
CREATE TABLE seat (
	till_id TEXT NOT NULL,
	shop_id INTEGER NOT NULL,
	device TEXT NOT NULL,
	code TEXT NOT NULL,
	PRIMARY KEY (till_id),
	CONSTRAINT seat_device UNIQUE (shop_id, device),
	CONSTRAINT seat_code UNIQUE (shop_id, code),
	FOREIGN KEY(till_id) REFERENCES till (id),
	FOREIGN KEY(shop_id) REFERENCES shop (id)
)
 STRICT
;
INSERT INTO "seat" VALUES('till_8289a74e',1,'abababababababababababababababab','1');
CREATE TABLE shop (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	stream_id INTEGER NOT NULL,
	callback_key TEXT NOT NULL,
	callback_key_sha256 TEXT NOT NULL,
	nonce_key TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name),
	UNIQUE (stream_id),
	FOREIGN KEY(stream_id) REFERENCES stream (id),
	UNIQUE (callback_key_sha256)
)
 STRICT
;
INSERT INTO "shop" VALUES(1,'Duka',1,'273e333faccf1d8cc1a29067e2127377','fcbef48b3566ef5a91babaf665ff27112c1dfffebf29fcc79f603270a438a926','0ec544f33b8d6a319c0925f41ec668de');
CREATE TABLE stream (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	epoch TEXT NOT NULL,
	floor INTEGER DEFAULT '0' NOT NULL,
	rules TEXT,
	PRIMARY KEY (id),
	UNIQUE (name)
)
 STRICT
;
INSERT INTO "stream" VALUES(1,'st_53a6f235','e0123456789abcdef',0,NULL);
CREATE TABLE till (
	id TEXT NOT NULL,
	shop_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	token_sha256 TEXT NOT NULL,
	paired_at INTEGER NOT NULL,
	revoked_at INTEGER,
	acked_seq INTEGER,
	acked_at INTEGER,
	PRIMARY KEY (id),
	FOREIGN KEY(shop_id) REFERENCES shop (id),
	UNIQUE (token_sha256)
)
 STRICT
;
INSERT INTO "till" VALUES('till_8289a74e',1,'Till 1','f6cc3ba75e59f060fd8320d42903ecbbc6eeb6e750d942de565061214fcd8132',1700000000000,NULL,NULL,NULL);
CREATE INDEX event_stk_receipt ON event (receipt) WHERE kind = 'stk' AND receipt IS NOT NULL;
CREATE INDEX till_revoked ON till (revoked_at);
COMMIT;
PRAGMA user_version = 3;
