-- Everything that a plan needs of one server, in one row. $DECLARED is an array of setting names, in lower case; $LIBRARIES one
-- of the names of libraries that the server or its sessions are to load, which are looked for as the server would.
-- Settings are read from reset_val: setting would show what a session or a role has set for itself, and hides
-- archive_command while archive_mode is off.
-- The timeline of a standby that does not stream is the latest that its files know of: pg_control has the one of the last
-- checkpoint.
-- How fast WAL is written is told by the files of it: from the end of the oldest one that was finished within the hour, or else
-- of the last that was finished at all, to now. That takes no statistics, which a crash or somebody resets.
WITH files AS MATERIALIZED (SELECT * FROM pg_file_settings), -- which reads and parses them each time
here AS MATERIALIZED (SELECT CASE WHEN pg_is_in_recovery()
    THEN coalesce((SELECT nullif(received_tli, 0) FROM pg_stat_wal_receiver), greatest((SELECT timeline_id FROM pg_control_checkpoint()),
      (SELECT max(('x' || substr(name, 1, 8))::bit(32)::int) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{8}([0-9A-F]{16}|\.history)$')))
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
  CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) ELSE pg_current_wal_lsn() END AS lsn,
  pg_size_bytes(current_setting('wal_segment_size')) AS segment),
wal AS MATERIALIZED (SELECT substr(name, 9) AS place, extract(epoch FROM clock_timestamp() - modification)::bigint AS age, pg_wal_lsn_diff(lsn, '0/0')
    - ((('x' || substr(name, 9, 8))::bit(32)::bigint << 32) / segment + ('x' || substr(name, 17))::bit(32)::bigint + 1) * segment AS since
  FROM pg_ls_waldir(), here WHERE name ~ '^[0-9A-F]{24}$')
SELECT json_build_object(
  'system', (SELECT system_identifier::text FROM pg_control_system()),
  'user', current_user,
  'data', current_setting('data_directory'),
  'conf_file', current_setting('config_file'),
  'hba_file', current_setting('hba_file'),
  'version', current_setting('server_version_num')::int / 10000,
  'recovery', pg_is_in_recovery(),
  'now', clock_timestamp()::text,
  'timeline', (SELECT timeline FROM here),
  'history', (SELECT coalesce(pg_read_file('pg_wal/' || lpad(upper(to_hex(timeline)), 8, '0') || '.history', 0, 65536, true), '') FROM here),
  'lsn', (SELECT lsn::text FROM here),
  'segment', (SELECT segment FROM here),
  'oldest', (SELECT coalesce(min(place), '') FROM wal),
  'wrote', (SELECT json_build_object('bytes', since::bigint, 'seconds', age) FROM wal WHERE since >= 0 ORDER BY age <= 3600 DESC, CASE WHEN age <= 3600 THEN -since ELSE since END LIMIT 1),
  'keep', pg_size_bytes(current_setting('max_slot_wal_keep_size')),
  'kept', (SELECT modification IS NOT NULL FROM pg_stat_file(current_setting('data_directory') || '.old', true)),
  'rebuild', coalesce(pg_read_file(current_setting('data_directory') || '/../pgrepl/rebuild', 0, 64, true), ''),
  'paused', CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() <> 'not paused' ELSE false END,
  'control', CASE WHEN pg_is_in_recovery() THEN (SELECT encode(pg_read_binary_file('global/pg_control'), 'hex') WHERE pg_get_wal_replay_pause_state() <> 'not paused') END,
  'delayed', EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup' AND wait_event = 'RecoveryApplyDelay'),
  'starved', EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup' AND wait_event IN ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval')),
  'receiver', (SELECT json_build_object('status', status, 'slot', coalesce(slot_name, ''), 'host', coalesce(sender_host, '')) FROM pg_stat_wal_receiver),
  'senders', (SELECT coalesce(json_agg(json_build_object('name', application_name, 'state', state, 'sync', sync_state, 'began', to_json(backend_start),
      'silent', coalesce(clock_timestamp() - reply_time > '15 s', false) AND EXISTS (SELECT FROM pg_stat_activity a WHERE a.wait_event = 'SyncRep'),
      'lag', pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END, replay_lsn)::bigint)
      ORDER BY application_name, pid), '[]') FROM pg_stat_replication),
  'settings', (SELECT coalesce(json_object_agg(lower(name), json_build_object('reset', coalesce(reset_val, ''), 'boot', coalesce(boot_val, ''), 'unit', coalesce(unit, ''),
      'type', vartype, 'context', context, 'source', source, 'file', coalesce(sourcefile, ''), 'line', coalesce(sourceline, 0), 'pending', pending_restart, 'enum', enumvals)), '{}')
    FROM pg_settings WHERE lower(name) = ANY ($DECLARED) OR pending_restart OR sourcefile LIKE '%/postgresql.auto.conf' OR lower(name) IN (SELECT lower(name) FROM files WHERE sourcefile LIKE '%/postgresql.auto.conf')),
  'files', (SELECT coalesce(json_agg(json_build_object('file', coalesce(sourcefile, ''), 'line', coalesce(sourceline, 0), 'name', coalesce(lower(name), ''),
      'value', coalesce(setting, ''), 'applied', applied, 'error', coalesce(error, '')) ORDER BY seqno), '[]') FROM files),
  'hba', pg_read_file(current_setting('hba_file')),
  -- to the second, which is all that pg_stat_file knows
  'hba_read', (SELECT change <= pg_conf_load_time() FROM pg_stat_file(current_setting('hba_file'))),
  'hba_errors', (SELECT coalesce(json_agg(json_build_object('line', line_number, 'error', coalesce(error, 'not valid')) ORDER BY line_number), '[]')
    FROM pg_hba_file_rules WHERE type IS NULL),
  'slots', (SELECT coalesce(json_agg(json_build_object('name', slot_name, 'type', slot_type, 'plugin', coalesce(plugin, ''), 'database', coalesce(database, ''),
      'active', active, 'rows', coalesce(xmin, catalog_xmin) IS NOT NULL AND slot_type = 'physical', 'age', coalesce(greatest(age(xmin), age(catalog_xmin)), 0), 'reason', coalesce(to_jsonb(s) ->> 'invalidation_reason', ''), 'status', coalesce(wal_status, ''), 'safe', safe_wal_size, 'retained', coalesce(pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END, restart_lsn), -1)::bigint) ORDER BY slot_name), '[]')
    FROM pg_replication_slots s WHERE NOT temporary),
  'library_dir', (SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR'),
  'missing', (SELECT coalesce(json_agg(n ORDER BY n), '[]') FROM unnest($LIBRARIES) n, (SELECT setting AS libdir FROM pg_config WHERE name = 'PKGLIBDIR') c
    WHERE NOT EXISTS (SELECT FROM unnest(CASE WHEN strpos(n, '/') > 0 THEN ARRAY[replace(n, '$libdir', libdir)]
        ELSE (SELECT array_agg(replace(p, '$libdir', libdir) || '/' || n) FROM unnest(string_to_array(current_setting('dynamic_library_path') || ':$libdir/plugins', ':')) p) END) path,
      unnest(ARRAY['', '.so']) suffix WHERE (pg_stat_file(path || suffix, true)).size IS NOT NULL)),
  'shadows', CASE WHEN pg_is_in_recovery() THEN '[]'::json ELSE (SELECT coalesce(json_agg(json_build_object('role', coalesce(r.rolname, ''), 'database', coalesce(d.datname, ''),
      'name', lower(split_part(c, '=', 1)), 'value', substr(c, strpos(c, '=') + 1)) ORDER BY r.rolname, d.datname, c), '[]')
    FROM pg_db_role_setting s CROSS JOIN unnest(s.setconfig) c LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase) END,
  'connections', current_setting('max_wal_senders')::int,
  'ledger', to_regclass('pgrepl.object') IS NOT NULL,
  'adopted', to_regclass('pgrepl.adopted') IS NOT NULL,
  'roles', CASE WHEN pg_is_in_recovery() THEN '[]'::json ELSE (SELECT coalesce(json_agg(json_build_object('name', rolname, 'login', rolcanlogin,
      'replication', rolreplication, 'superuser', rolsuper, 'createdb', rolcreatedb, 'createrole', rolcreaterole, 'bypassrls', rolbypassrls,
      'inherit', rolinherit, 'bootstrap', r.oid = 10, 'limit', rolconnlimit, 'until', CASE WHEN isfinite(rolvaliduntil) THEN to_char(rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') ELSE '' END,
      'verifier', coalesce(rolpassword, ''), 'owns', (SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = r.oid AND deptype = 'o'),
      'depends', (SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = r.oid AND dbid <> 0),
      'member_of', (SELECT coalesce(json_agg(g.rolname ORDER BY g.rolname), '[]') FROM (SELECT DISTINCT roleid FROM pg_auth_members WHERE member = r.oid) m JOIN pg_roles g ON g.oid = m.roleid),
      'settings', (SELECT coalesce(json_agg(c), '[]') FROM pg_db_role_setting d, unnest(d.setconfig) c WHERE d.setrole = r.oid AND d.setdatabase = 0)) ORDER BY rolname), '[]')
    FROM pg_authid r WHERE rolname !~ '^pg_') END,
  'databases', CASE WHEN pg_is_in_recovery() THEN '[]'::json ELSE (SELECT coalesce(json_agg(json_build_object('name', datname, 'owner', pg_get_userbyid(datdba),
      'limit', datconnlimit, 'encoding', pg_encoding_to_char(encoding), 'locale', datcollate) ORDER BY datname), '[]')
    FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres') END,
  'collations', (SELECT coalesce(json_agg(json_build_object('database', datname, 'made', datcollversion, 'here', pg_database_collation_actual_version(oid)) ORDER BY datname), '[]')
    FROM pg_database WHERE datallowconn AND datcollversion <> pg_database_collation_actual_version(oid))
)
