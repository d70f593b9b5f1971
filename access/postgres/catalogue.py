"""Tables: which kinds each statement of PostgreSQL 18's grammar is of, and which functions do more than they look."""

import re
from collections.abc import Mapping
from typing import Final

from access.postgres.kinds import StatementKind as Kind


def _names(words: str) -> list[str]:
    return words.split()


_DDL: Final = _names("""
alter_collation_stmt alter_domain_stmt alter_enum_stmt alter_extension_contents_stmt alter_extension_stmt
alter_function_stmt alter_object_depends_stmt alter_object_schema_stmt alter_op_family_stmt alter_operator_stmt
alter_policy_stmt alter_seq_stmt alter_stats_stmt alter_table_move_all_stmt alter_table_stmt alter_tsconfiguration_stmt
alter_tsdictionary_stmt alter_type_stmt comment_stmt composite_type_stmt create_am_stmt create_cast_stmt
create_conversion_stmt create_domain_stmt create_enum_stmt create_event_trig_stmt alter_event_trig_stmt
create_extension_stmt create_op_class_stmt create_op_family_stmt create_plang_stmt
create_policy_stmt create_range_stmt create_schema_stmt create_seq_stmt create_stats_stmt create_stmt
create_transform_stmt create_trig_stmt define_stmt drop_stmt index_stmt rename_stmt replica_identity_stmt rule_stmt
sec_label_stmt view_stmt
""")
# They reach other servers, or concern more than one database.
_DDL_MAINTENANCE: Final = _names("""
alter_database_refresh_coll_stmt alter_database_set_stmt alter_database_stmt alter_fdw_stmt alter_foreign_server_stmt
alter_publication_stmt alter_subscription_stmt alter_table_space_options_stmt alter_user_mapping_stmt create_fdw_stmt
create_foreign_server_stmt create_foreign_table_stmt create_publication_stmt create_subscription_stmt
create_table_space_stmt create_user_mapping_stmt createdb_stmt drop_subscription_stmt drop_table_space_stmt
drop_user_mapping_stmt dropdb_stmt import_foreign_schema_stmt
""")
_MAINTENANCE: Final = _names("alter_system_stmt check_point_stmt cluster_stmt reindex_stmt vacuum_stmt")
_ROLE: Final = _names("""
alter_default_privileges_stmt alter_role_set_stmt alter_role_stmt create_role_stmt drop_role_stmt grant_role_stmt
grant_stmt
""")
_ROLE_DDL: Final = _names("alter_owner_stmt drop_owned_stmt reassign_owned_stmt")

# Those whose kinds hang on more than their name are in `statements`; an unknown one is OTHER.
STATEMENTS: Final[Mapping[str, frozenset[Kind]]] = {
    **dict.fromkeys(_DDL, frozenset({Kind.DDL})),
    **dict.fromkeys(_DDL_MAINTENANCE, frozenset({Kind.DDL, Kind.MAINTENANCE})),
    **dict.fromkeys(_MAINTENANCE, frozenset({Kind.MAINTENANCE})),
    **dict.fromkeys(_ROLE, frozenset({Kind.ROLE})),
    **dict.fromkeys(_ROLE_DDL, frozenset({Kind.ROLE, Kind.DDL})),
    **dict.fromkeys(("insert_stmt", "update_stmt", "delete_stmt", "merge_stmt"), frozenset({Kind.WRITE})),
    **dict.fromkeys(("listen_stmt", "unlisten_stmt", "notify_stmt"), frozenset({Kind.LISTEN})),
    **dict.fromkeys(("prepare_stmt", "execute_stmt", "deallocate_stmt"), frozenset({Kind.PREPARE})),
    **dict.fromkeys(("call_stmt", "do_stmt"), frozenset({Kind.ROUTINE})),
    "create_function_stmt": frozenset({Kind.DDL, Kind.ROUTINE}),
    **dict.fromkeys(("declare_cursor_stmt", "fetch_stmt", "close_portal_stmt"), frozenset({Kind.READ})),
    **dict.fromkeys(("variable_show_stmt", "set_operation_stmt", "return_stmt"), frozenset({Kind.READ})),
    "constraints_set_stmt": frozenset({Kind.TRANSACTION}),
    "create_table_as_stmt": frozenset({Kind.DDL, Kind.WRITE}),
    "discard_stmt": frozenset({Kind.SESSION}),
    "refresh_mat_view_stmt": frozenset({Kind.WRITE, Kind.MAINTENANCE}),
    "truncate_stmt": frozenset({Kind.WRITE}),
}

# What a well-known client says in just these words, and a rule would refuse. The first is pg_dump's.
KNOWN: Final[Mapping[str, frozenset[Kind]]] = {
    "SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings "
    "WHERE name = 'restrict_nonsystem_relation_kind'": frozenset({Kind.READ, Kind.SESSION}),
}

# By name, in whatever schema: a name on the search path may be any of them. The first that fits counts.
FUNCTIONS: Final = tuple(
    (re.compile(rf"(?:{names})\Z"), kind)
    for names, kind in (
        (r"lo_import|lo_export", Kind.OTHER),
        (r"lo_\w+|lowrite|lotruncate\w*|nextval|setval|pg_stat_reset\w*", Kind.WRITE),
        (r"pg_notify", Kind.LISTEN),
        # They run SQL text that they are given.
        (r"(?:query|cursor|table|schema|database)_to_xml\w*|ts_stat|ts_rewrite|crosstab\w*|connectby|xpath_table",
         Kind.ROUTINE),
        (r"dblink\w*|postgres_fdw\w*|pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_rotate_logfile\w*",
         Kind.MAINTENANCE),
        (r"pg_read_\w+|pg_ls_\w+|pg_stat_file|pg_file_\w+|pg_logfile_rotate|pg_current_logfile|pg_hba_file_rules",
         Kind.MAINTENANCE),
        (r"pg_promote|pg_switch_wal|pg_create_\w+|pg_drop_\w+|pg_copy_\w+|pg_backup_\w+|pg_(?:start|stop)_backup"
         r"|pg_wal_replay_\w+|pg_logical_\w+|pg_replication_\w+|pg_sync_\w+|pg_log_\w+|pg_import_\w+",
         Kind.MAINTENANCE),
        (r"get_raw_page|pg_prewarm|autoprewarm\w*|gin_clean_pending_list|brin_\w+summarize\w*|pg_stat_statements_reset"
         r"|pg_(?:restore|clear)_\w+_stats|pg_truncate_\w+|heap_force_\w+",
         Kind.MAINTENANCE),
    )
)  # fmt: skip
