-- What a sample of one server's health takes, in one row, for a role that is a member of pg_monitor.
-- pg_is_in_recovery() is asked first: a server that is promoted in between says so the next time.
-- What a standby has replayed comes after the age of the last commit and after what it waits for: these bound how far behind it is
-- only as of a position that is not older.
-- The timeline of a standby that does not stream is the latest that its files know of: pg_control has the one of the last
-- checkpoint.
WITH here AS MATERIALIZED (SELECT pg_is_in_recovery() AS recovery,
  CASE WHEN pg_is_in_recovery() THEN coalesce((SELECT nullif(received_tli, 0) FROM pg_stat_wal_receiver), greatest((SELECT timeline_id FROM pg_control_checkpoint()),
      (SELECT max(('x' || substr(name, 1, 8))::bit(32)::int) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{8}([0-9A-F]{16}|\.history)$')))
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
  CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) ELSE pg_current_wal_lsn() END AS lsn,
  pg_size_bytes(current_setting('wal_segment_size')) AS segment),
wal AS MATERIALIZED (SELECT size, extract(epoch FROM clock_timestamp() - modification)::bigint AS age, pg_wal_lsn_diff(lsn, '0/0')
    - ((('x' || substr(name, 9, 8))::bit(32)::bigint << 32) / segment + ('x' || substr(name, 17))::bit(32)::bigint + 1) * segment AS since
  FROM pg_ls_waldir(), here WHERE name ~ '^[0-9A-F]{24}$'),
-- What a server wrote when it was set up, or in a burst a moment ago, is no rate: ten minutes of WAL are, or 64 files of it.
wrote AS (SELECT since::float8 / greatest(age, 1) AS rate FROM wal, here WHERE since >= 0 AND (age >= 600 OR since >= 64 * segment) ORDER BY age <= 3600 DESC, CASE WHEN age <= 3600 THEN -since ELSE since END LIMIT 1)
SELECT json_build_object(
  'version', split_part(current_setting('server_version'), ' ', 1),
  'system', (SELECT system_identifier::text FROM pg_control_system()),
  'recovery', recovery,
  'timeline', timeline,
  'lsn', lsn::text,
  'committed', CASE WHEN recovery THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END,
  'up', extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()),
  'pause', CASE WHEN recovery THEN pg_get_wal_replay_pause_state() ELSE '' END,
  'delaying', EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup' AND wait_event = 'RecoveryApplyDelay'),
  'starved', EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup' AND wait_event = 'RecoveryWalStream'),
  'replayed', CASE WHEN recovery THEN coalesce(pg_last_wal_replay_lsn(), '0/0')::text ELSE '' END,
  'segment', segment,
  'files', (SELECT count(*) FROM wal),
  'size', (SELECT coalesce(sum(size), 0)::bigint FROM wal),
  'rate', CASE WHEN NOT recovery THEN (SELECT rate FROM wrote) END,
  'every', (SELECT setting::int FROM pg_settings WHERE name = 'wal_receiver_status_interval'),
  'pending', (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM pg_settings WHERE pending_restart),
  'enough', (SELECT json_object_agg(name, setting::int) FROM pg_settings WHERE name = ANY ($HOTSTANDBY)),
  'waits', (SELECT coalesce(json_agg(w), '[]') FROM (SELECT pid, coalesce(backend_xid::text, '') AS xid, extract(epoch FROM clock_timestamp() - query_start) AS statement
      FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend' ORDER BY query_start LIMIT 100) w),
  'receiver', (SELECT json_build_object('status', status, 'slot', coalesce(slot_name, ''), 'host', coalesce(sender_host, ''),
      'heard', extract(epoch FROM clock_timestamp() - last_msg_receipt_time)) FROM pg_stat_wal_receiver),
  'senders', (SELECT coalesce(json_agg(json_build_object('name', application_name, 'client', coalesce(host(client_addr), ''), 'state', state, 'sync', coalesce(sync_state, ''), 'slot', coalesce((SELECT slot_name FROM pg_replication_slots WHERE active_pid = pid), ''),
      'sent', sent_lsn, 'flush', flush_lsn, 'replay', replay_lsn, 'heard', extract(epoch FROM clock_timestamp() - reply_time)) ORDER BY application_name, pid), '[]') FROM pg_stat_replication),
  'slots', (SELECT coalesce(json_agg(json_build_object('name', slot_name, 'type', slot_type, 'database', coalesce(database, ''), 'active', active,
      'status', coalesce(wal_status, ''), 'reason', coalesce(to_jsonb(s) ->> 'invalidation_reason', ''), 'restart', restart_lsn, 'confirmed', confirmed_flush_lsn,
      'retained', CASE WHEN restart_lsn IS NOT NULL THEN greatest(pg_wal_lsn_diff(lsn, restart_lsn), 0)::bigint END, 'safe', safe_wal_size,
      'idle', extract(epoch FROM clock_timestamp() - (to_jsonb(s) ->> 'inactive_since')::timestamptz)) ORDER BY slot_name), '[]')
    FROM pg_replication_slots s WHERE NOT temporary)
) FROM here
