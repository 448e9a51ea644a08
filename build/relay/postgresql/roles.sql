-- The relay's database, and who may do what in it. Once, as a superuser, with the passwords in the environment:
--   RELAY_PASSWORD=… BACKUP_PASSWORD=… psql --dbname=postgres --file=roles.sql
-- The relay makes its tables and the partition of each day itself, so it acts as the owner of this one database, and of
-- nothing else. It signs in as `relay`: that role's password, or a second role like it, can be changed at any time.
\set ON_ERROR_STOP on
\getenv relay_password RELAY_PASSWORD
\getenv backup_password BACKUP_PASSWORD
SET password_encryption = 'scram-sha-256';

CREATE ROLE relay_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
CREATE ROLE relay LOGIN IN ROLE relay_owner PASSWORD :'relay_password' CONNECTION LIMIT 80
    NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
CREATE ROLE relay_backup LOGIN REPLICATION PASSWORD :'backup_password' CONNECTION LIMIT 4
    NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;

CREATE DATABASE relay OWNER relay_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
REVOKE ALL ON DATABASE relay FROM PUBLIC;
GRANT CONNECT ON DATABASE relay TO relay;
ALTER ROLE relay IN DATABASE relay SET role TO 'relay_owner';

\connect relay
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO relay_owner;
