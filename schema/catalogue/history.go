package catalogue

import (
	"fmt"
	"strings"
)

// past is what became of a setting that a version no longer has.
type past struct {
	since  string // the version that does not have it any more
	became string // the setting that takes its place, "" where none does
	note   string // what to know when it is replaced, or what to do without it
}

// pasts are the settings of earlier versions that still stand in files and on web pages. That one is gone, the tables
// say by themselves for the versions they are of; what to do then, they do not.
var pasts = map[string]past{
	"checkpoint_segments":               {"9.5", "max_wal_size", `N segments are about max_wal_size = "(3 * N * 16)MB": 32 of them are "1536MB".`},
	"custom_variable_classes":           {"9.2", "", "An extension's setting, prefix.name, needs no announcement."},
	"db_user_namespace":                 {"17", "", "Roles are the cluster's; there is no replacement."},
	"default_with_oids":                 {"12", "", "Tables have no OIDs any more. Leave it out."},
	"force_parallel_mode":               {"16", "debug_parallel_query", "It tests the planner and makes nothing faster."},
	"lc_collate":                        {"16", "", "It is a database's: write initdb { locale = … } in the cluster."},
	"lc_ctype":                          {"16", "", "It is a database's: write initdb { locale = … } in the cluster."},
	"max_fsm_pages":                     {"8.4", "", "The server looks after it by itself. Leave it out."},
	"max_fsm_relations":                 {"8.4", "", "The server looks after it by itself. Leave it out."},
	"min_parallel_relation_size":        {"10", "min_parallel_table_scan_size", ""},
	"old_snapshot_threshold":            {"17", "", "For snapshots that are held too long there are idle_in_transaction_session_timeout and transaction_timeout."},
	"operator_precedence_warning":       {"14", "", "Leave it out."},
	"promote_trigger_file":              {"16", "", "Promotion is pgrepl's. Leave it out."},
	"replacement_sort_tuples":           {"11", "", "Leave it out."},
	"replication_timeout":               {"9.3", "wal_sender_timeout", ""},
	"sql_inheritance":                   {"10", "", "Leave it out."},
	"ssl_renegotiation_limit":           {"9.5", "", "Leave it out."},
	"standby_mode":                      {"12", "", "A replica block makes a standby."},
	"stats_temp_directory":              {"15", "", "Statistics are in shared memory now. Leave it out."},
	"trace_recovery_messages":           {"17", "", "log_min_messages decides what recovery logs."},
	"trigger_file":                      {"12", "", "Promotion is pgrepl's. Leave it out."},
	"unix_socket_directory":             {"9.3", "unix_socket_directories", "The image decides where the socket is. Leave it out."},
	"vacuum_cleanup_index_scale_factor": {"14", "", "Leave it out."},
	"vacuum_defer_cleanup_age":          {"16", "", "With hot_standby_feedback the replicas tell the master which rows they still need."},
	"wal_keep_segments":                 {"13", "wal_keep_size", `It counted segments of 16 MB: wal_keep_segments = 64 is wal_keep_size = "1GB".`},
}

// aliases are the old names that servers still take (map_old_guc_names of guc.c); what they show is the new one.
var aliases = map[string]string{
	"sort_mem":       "work_mem",
	"ssl_ecdh_curve": "ssl_groups",
	"vacuum_mem":     "maintenance_work_mem",
}

// Today is the name that a server of this version shows for an old one that it still takes, "" where it takes it not, or
// as itself.
func (c *Catalogue) Today(name string) string {
	_, itself := c.Lookup(name)
	today := aliases[strings.ToLower(name)]
	if _, has := c.Lookup(today); itself || !has {
		return ""
	}
	return today
}

// Elsewhere says what other versions know of a setting that this one does not have: "it became wal_keep_size in 13",
// "it is new in 17", "" where none knows it; and what to do about it.
func (c *Catalogue) Elsewhere(name string) (fate, advice string) {
	name = strings.ToLower(name)
	old, known := pasts[name]
	switch {
	case known && old.became != "":
		return fmt.Sprintf("it became %s in %s", old.became, old.since), old.note
	case known:
		return "it is gone since " + old.since, old.note
	}
	for v := c.Version - 1; v >= Oldest; v-- {
		if _, had := Of(v).Lookup(name); had {
			return fmt.Sprintf("it is gone since %d", v+1), ""
		}
	}
	for v := c.Version + 1; v <= Newest; v++ {
		if _, has := Of(v).Lookup(name); has {
			return fmt.Sprintf("it is new in %d", v), ""
		}
	}
	return "", ""
}
