"""Which test proves which item: the AZ, FS, FE and CR lists of security.md 8, P1 to P13 of purge.md 6.11.

The IN and RL lists are in `items_bot.py`. Those of issue 3 stand at the end. An entry names a test that shows the
behaviour the item asks for, beside something that differs in one point and is accepted. What an item asks for and the
product does otherwise, or cannot have, is said here:

- AZ-05: the connector's token names no tenant: it is the body's, which the gate holds against the settings (F4).
- AZ-06: a guest of another tenant is refused; one of this tenant has no role whatever the settings say.
- AZ-08: there is no source of roles that could be down: they are settings. Whoever cannot be resolved has none.
- AZ-22: no card has a `refresh`; looking, by 60 people too, writes nothing.
- AZ-26, AZ-30: nobody is made or unmade an owner in chat, by a code or otherwise: roles are settings of the host.
- FS-01: settings name the roots, and there is no list of roots beyond them: what is refused is a relative root, one
  that passes a link, the kernel's, the bot's own, and any name in a plan that would lead out of the root.
- FS-11: 3,000 files in a whole purge and 20,000 in a walk; `PROCALL_MANY_FILES=1000000` takes as many as asked.
- FS-13: the default is to skip; whose files are taken is a setting.
- FS-15: seconds, not 20 s; `PROCALL_RACE_SECONDS=20` runs as long as asked.
- FS-24: there is no least age but the rule's own: nothing at or after the cutoff is ever planned.
- FS-28: there are no regular expressions of anybody's; patterns are shell patterns of bounded length.
- FS-29: the state on the same full disk as the logs is not yet purged from: an expected failure in test_fs_items.
- FE-13: what changed is `drifted`, what appeared is left and told in the verification; the rest is purged.
- FE-14: the rule, the care and the source's configuration are what the item calls a policy, and a standing rule.
- FE-16: no second deadline by the monotonic clock: a wall clock that goes back is refused before anything is decided.
  Once somebody has trusted it, deadlines go by it: an expected failure in test_fe_items.
- FE-17, 18, 19: number and people are settings of the host, read at the start: a change in chat does not exist. What
  purges on a schedule is a standing rule, and its end needs an admin and a DPO.
  What a changed file means for requests under way is tested; that it needs approval is the host's own business.
- FE-20: the alert cannot be suppressed because findings are computed afresh each time; who sends them is issue 4's.
- FE-21: 200,000 steps of the pure rules, 100,000 of the services; `PROCALL_WALK_STEPS=1000000` takes as many as asked.
- CR-09: 200 kills of the stores, 200 of the audit, 60 of a purge and 50 of the storage in each run of the suite.
- P9: cards of purges do not exist before issue 4.
"""

from typing import Final

from tests.lists.items_bot import IN, LIVE, RL

HERE = "tests/lists"
FS_ITEMS, FE_ITEMS, CR_ITEMS = (f"{HERE}/test_{name}_items.py" for name in ("fs", "fe", "cr"))
SOURCES = "tests/data/sources"
LISTING, DELETE, REWRITE = (f"{SOURCES}/test_files_{name}.py" for name in ("listing", "delete", "rewrite"))
RACES, ACTIVITY, CONFORMANCE = (f"{SOURCES}/{name}.py" for name in ("test_races", "test_activity", "conformance"))
PURGE = "tests/data/purge"
RUNS, STEPS, PROPERTIES, WATCH, VERDICTS, OPERATOR = (
    f"{PURGE}/test_{name}.py"
    for name in ("purge_runs", "purge_steps", "purge_properties", "watch", "review_verdicts", "review_operator")
)
STANDING = "tests/data/office/test_standing_rules.py"
AUDIT = "tests/data/audit"
LOG, VERIFY, CHECKPOINTS = (f"{AUDIT}/test_{name}.py" for name in ("audit_log", "audit_verify", "checkpoints"))
STORES = "tests/data/stores"
ATOMIC, EMBEDDED, CONTRACT, WALKS = (
    f"{STORES}/test_{name}.py" for name in ("atomic_storage", "embedded_stores", "retention_contract", "request_walks")
)
CRASH = "tests/crash"
CRASH_ATOMIC, CRASH_STORES, CRASH_AUDIT, CRASH_FILES, CRASH_PURGE = (
    f"{CRASH}/test_crash_{name}.py" for name in ("atomic", "stores", "audit", "files", "purge")
)
WRITERS = "tests/real_writers/test_writers_while_purging.py"
CLI = "tests/test_retention_cli.py"
CERTIFICATE = "tests/data/certificate/test_certificate.py"
ARCHIVES = "tests/data/formats/test_archives.py"
STAMPS = "tests/data/formats/test_stamps.py"

DIALOGS = "tests/dialogs"
PURGING, HOLDING, ROUTING = (f"{DIALOGS}/test_{name}.py" for name in ("purge", "holds", "router"))
BOT = "tests/bot"
IDENTITY, TRANSLATE, REPETITION, SETTINGS = (
    f"{BOT}/test_{name}.py" for name in ("identity", "translate", "repetition", "settings")
)
AZ_ITEMS = f"{HERE}/test_az_items.py"
COVER = "tests/data/retention/test_role_cover.py"
ROLES, PURGE_WALKS = (f"{PURGE}/test_{name}.py" for name in ("approval_roles", "purge_walks"))

AZ: Final = {
    "AZ-01": (
        f"{LIVE}::test_over_http_roles_are_those_of_the_settings",
        f"{PURGING}::test_employees_guests_and_nobody_are_refused_friendly_and_on_record",
        f"{HOLDING}::test_az_01_an_employee_places_and_releases_nothing",
        f"{IDENTITY}::test_same_command_is_refused_to_the_admins_namesake",
    ),
    "AZ-02": (
        f"{LIVE}::test_over_http_roles_are_those_of_the_settings",
        f"{IDENTITY}::test_person_without_an_object_id_has_public_answers_only",
        f"{ROUTING}::test_somebody_without_object_id_gets_public_answers",
        f"{PURGING}::test_employees_guests_and_nobody_are_refused_friendly_and_on_record",
    ),
    "AZ-03": (
        f"{LIVE}::test_over_http_roles_are_those_of_the_settings",
        f"{IDENTITY}::test_pretender_stays_an_employee",
        f"{PURGING}::test_a_name_is_no_authority",
    ),
    "AZ-04": (
        f"{LIVE}::test_over_http_roles_are_those_of_the_settings",
        f"{IDENTITY}::test_pretender_stays_an_employee",
        f"{ROUTING}::test_what_somebody_says_of_himself_is_no_role",
    ),
    "AZ-05": (
        f"{LIVE}::test_over_http_nobody_of_another_tenant_presses_anything",
        f"{IDENTITY}::test_admin_of_another_tenant_does_not_pass_the_gate",
        f"{IDENTITY}::test_admin_of_another_tenant_is_refused_by_the_bot",
    ),
    "AZ-06": (
        "tests/bot/test_guests.py::test_a_guest_loses_the_role_everywhere_and_gets_it_back",
        f"{LIVE}::test_over_http_nobody_of_another_tenant_presses_anything",
        f"{PURGING}::test_employees_guests_and_nobody_are_refused_friendly_and_on_record",
        f"{IDENTITY}::test_role_follows_the_object_id",
        "tests/bot/test_guests.py::test_a_guest_with_an_entry_in_the_settings_is_refused_a_purge",
    ),
    "AZ-07": (
        f"{PURGING}::test_a_role_that_was_taken_away_counts_at_once",
        f"{HOLDING}::test_a_role_that_was_lost_releases_nothing",
        f"{STEPS}::test_a_role_that_is_lost_before_execution_prevents_it",
    ),
    "AZ-08": (
        f"{STEPS}::test_a_forgotten_person_has_no_role",
        f"{AZ_ITEMS}::test_roles_come_from_the_settings_and_from_nowhere_else",
    ),
    "AZ-09": (
        f"{PURGING}::test_only_the_requester_confirms_and_withdraws",
        f"{PURGING}::test_a_typed_code_of_somebody_else_s_preview_confirms_nothing",
    ),
    "AZ-10": (
        f"{PURGING}::test_odd_ids_do_nothing",
        f"{PURGING}::test_odd_ids_of_what_needs_no_seal_do_nothing",
        f"{HOLDING}::test_az_10_a_hold_that_is_none_is_released_by_nobody",
        f"{HOLDING}::test_az_10_odd_values_place_nothing_wrong",
        f"{ROUTING}::test_an_odd_id_presses_nothing",
    ),
    "AZ-11": (
        f"{ROUTING}::test_an_unknown_verb_does_nothing",
        f"{LIVE}::test_a_verb_that_is_none_presses_nothing",
    ),
    "AZ-12": (
        f"{PURGING}::test_what_else_a_button_carries_is_not_read",
        f"{HOLDING}::test_az_12_what_else_a_button_carries_means_nothing",
        f"{ROUTING}::test_extra_fields_are_ignored",
    ),
    "AZ-13": (
        f"{PURGING}::test_nobody_approves_a_purge_of_their_own",
        f"{HOLDING}::test_one_person_alone_never_releases",
        f"{STEPS}::test_nobody_approves_his_own_request",
    ),
    "AZ-14": (
        f"{PURGING}::test_a_changed_seal_is_refused_and_recorded",
        f"{HOLDING}::test_az_14_a_changed_seal_is_refused_and_recorded",
    ),
    "AZ-15": (
        f"{LIVE}::test_copies_of_a_card_approve_once",
        f"{PURGING}::test_a_second_press_of_the_same_button_shows_the_present_state",
        f"{HOLDING}::test_az_15_a_form_makes_one_hold",
    ),
    "AZ-16": (
        f"{PURGING}::test_the_seal_of_one_request_opens_no_other",
        f"{HOLDING}::test_az_16_the_seal_of_one_hold_is_none_of_another",
    ),
    "AZ-17": (
        f"{LIVE}::test_looking_again_shows_what_is_now",
        f"{PURGING}::test_an_old_card_shows_the_present_state_and_changes_nothing",
        f"{HOLDING}::test_az_17_an_old_card_shows_what_is_now",
    ),
    "AZ-18": (f"{PURGING}::test_a_card_from_before_an_older_store_came_back_does_nothing",),
    "AZ-19": (
        f"{PURGING}::test_a_forwarded_card_is_refused",
        f"{HOLDING}::test_az_19_a_card_in_another_chat_is_refused",
    ),
    "AZ-20": (
        f"{LIVE}::test_fifty_presses_over_http_are_one_effect_and_one_answer_each",
        f"{LIVE}::test_copies_of_a_card_approve_once",
        f"{LIVE}::test_fifty_orders_over_http_begin_one_purge",
        f"{PURGING}::test_fifty_presses_at_once_approve_once",
        f"{PURGING}::test_fifty_presses_in_several_processes_approve_once",
        f"{PURGING}::test_fifty_orders_at_once_begin_one_preview",
        f"{HOLDING}::test_az_20_fifty_clicks_at_once_place_one_hold",
        f"{HOLDING}::test_az_20_fifty_releases_at_once_are_one",
        f"{REPETITION}::test_fifty_deliveries_at_once_are_answered_once",
    ),
    "AZ-21": (f"{PURGING}::test_of_yes_and_no_at_once_exactly_one_counts",),
    "AZ-22": (
        f"{PURGING}::test_looking_writes_nothing",
        f"{LIVE}::test_no_card_refreshes_by_itself",
        f"{LIVE}::test_looking_again_shows_what_is_now",
    ),
    "AZ-23": (
        f"{PURGING}::test_groups_are_sent_to_the_personal_chat",
        f"{PURGING}::test_only_approving_and_rejecting_work_in_a_channel",
        f"{HOLDING}::test_az_23_holds_are_for_the_personal_chat",
    ),
    "AZ-24": (
        f"{PURGING}::test_no_card_names_a_file_or_a_person",
        f"{HOLDING}::test_a_channel_sees_neither_reason_nor_buttons",
    ),
    "AZ-25": (
        f"{LIVE}::test_over_http_roles_are_those_of_the_settings",
        f"{LIVE}::test_over_http_each_role_does_its_own",
        f"{PURGING}::test_a_dpo_approves_and_cancels_but_asks_for_no_purge",
        f"{IDENTITY}::test_dpo_may_not_purge_and_admin_may_not_more_than_listed",
    ),
    "AZ-26": (
        f"{AZ_ITEMS}::test_roles_come_from_the_settings_and_from_nowhere_else",
        f"{AZ_ITEMS}::test_a_module_that_names_roles_would_be_found",
    ),
    "AZ-27": (
        f"{LIVE}::test_only_a_real_mention_addresses_the_bot",
        f"{TRANSLATE}::test_group_talk_is_none_of_the_bots_business",
        f"{TRANSLATE}::test_mention_of_the_bot_is_cut_and_nothing_else",
    ),
    "AZ-28": (
        f"{TRANSLATE}::test_edited_message_is_no_new_one",
        f"{LIVE}::test_edits_and_other_bots_order_nothing",
    ),
    "AZ-29": (
        f"{TRANSLATE}::test_other_bots_are_not_answered",
        f"{LIVE}::test_edits_and_other_bots_order_nothing",
    ),
    "AZ-30": (
        f"{AZ_ITEMS}::test_roles_come_from_the_settings_and_from_nowhere_else",
        f"{COVER}::test_what_nobody_could_approve_is_refused",
    ),
    "AZ-31": (
        f"{PURGING}::test_what_looks_like_a_path_or_another_source_starts_nothing",
        f"{HOLDING}::test_az_31_a_source_that_is_none_is_unknown",
        f"{SETTINGS}::test_source_id_is_a_short_plain_word",
    ),
}

FS: Final = {
    "FS-01": (
        f"{DELETE}::test_a_forged_plan_cannot_leave_the_root",
        f"{LISTING}::test_a_relative_root_is_refused",
    ),
    "FS-02": (
        f"{LISTING}::test_links_are_counted_and_not_followed",
        f"{FS_ITEMS}::test_a_whole_purge_removes_nothing_but_logs_of_its_own",
    ),
    "FS-03": (
        f"{LISTING}::test_links_are_counted_and_not_followed",
        f"{FS_ITEMS}::test_a_whole_purge_removes_nothing_but_logs_of_its_own",
    ),
    "FS-04": (
        f"{LISTING}::test_a_root_that_is_or_passes_a_link_is_refused",
        f"{CLI}::test_a_root_that_may_not_be_one_is_named",
    ),
    "FS-05": (
        f"{LISTING}::test_a_hard_link_is_skipped",
        f"{FS_ITEMS}::test_a_whole_purge_removes_nothing_but_logs_of_its_own",
    ),
    "FS-06": (
        f"{LISTING}::test_what_is_no_file_is_skipped_and_does_not_hang",
        f"{FS_ITEMS}::test_a_whole_purge_removes_nothing_but_logs_of_its_own",
    ),
    "FS-07": (f"{LISTING}::test_another_file_system_is_not_entered",),
    "FS-08": (
        f"{LISTING}::test_the_kernels_file_systems_are_refused",
        f"{LISTING}::test_a_kernels_file_system_under_another_name_is_refused",
    ),
    "FS-09": (
        f"{LISTING}::test_any_name_is_handled_as_bytes",
        f"{LISTING}::test_every_name_a_file_can_have_round_trips",
        f"{LISTING}::test_errors_show_names_escaped",
    ),
    "FS-10": (f"{LISTING}::test_depth_has_a_limit_and_no_recursion",),
    "FS-11": (
        f"{FS_ITEMS}::test_many_files_need_bounded_memory_and_can_be_resumed",
        f"{LISTING}::test_many_files_need_little_memory",
    ),
    "FS-12": (
        f"{FS_ITEMS}::test_one_file_the_system_refuses_leaves_a_partial_purge",
        f"{FS_ITEMS}::test_a_read_only_disk_leaves_everything_and_says_so",
        f"{DELETE}::test_a_refusal_of_the_system_is_an_outcome",
        f"{DELETE}::test_a_file_the_file_system_protects_stays",
        f"{DELETE}::test_a_busy_name_is_locked",
        f"{DELETE}::test_every_error_has_a_code",
    ),
    "FS-13": (f"{LISTING}::test_a_foreign_file_is_skipped_unless_its_owner_is_named",),
    "FS-14": (
        f"{LISTING}::test_what_can_be_run_is_no_log",
        f"{FS_ITEMS}::test_a_program_among_the_logs_is_an_alarm",
    ),
    "FS-15": (
        f"{RACES}::test_a_folder_exchanged_with_a_link_leads_nowhere",
        f"{FS_ITEMS}::test_a_folder_swapped_during_whole_purges_leads_nowhere",
        f"{FS_ITEMS}::test_a_folder_swapped_at_the_worst_moment_leads_nowhere",
    ),
    "FS-16": (
        f"{DELETE}::test_a_newer_file_of_the_same_name_stays",
        f"{RACES}::test_a_file_exchanged_with_a_young_one_is_not_the_one_that_goes",
        f"{RUNS}::test_a_file_that_changes_after_the_approval_is_left",
    ),
    "FS-17": (
        f"{DELETE}::test_a_rotation_in_the_middle_costs_nothing_young",
        f"{WRITERS}::test_logrotate_with_copytruncate",
        f"{WRITERS}::test_logrotate_with_create_and_compress",
    ),
    "FS-18": (f"{DELETE}::test_a_file_rewritten_in_place_stays",),
    "FS-19": (
        f"{ACTIVITY}::test_a_change_in_the_future_is_active",
        f"{ACTIVITY}::test_a_file_that_was_touched_to_look_old_is_read",
        f"{FS_ITEMS}::test_nothing_younger_than_the_cutoff_is_ever_planned",
        "tests/data/formats/test_ladder.py::test_a_refuted_mtime_proves_nothing",
        "tests/data/formats/test_ladder.py::test_an_unbelievable_mtime_proves_nothing",
    ),
    "FS-20": (
        f"{DELETE}::test_a_file_that_grows_in_the_very_last_moment_stays",
        f"{RUNS}::test_a_file_that_changes_after_the_approval_is_left",
    ),
    "FS-21": (
        f"{ACTIVITY}::test_a_file_another_process_has_open_is_not_touched",
        f"{ACTIVITY}::test_a_closed_file_is_free_again",
    ),
    "FS-22": (
        f"{LISTING}::test_the_bots_own_state_is_refused",
        f"{LISTING}::test_the_bots_own_folder_is_not_entered_by_a_back_door",
        f"{CLI}::test_a_root_that_may_not_be_one_is_named",
    ),
    "FS-23": (
        f"{RUNS}::test_a_hold_placed_at_any_moment_protects_what_is_left",
        f"{STEPS}::test_a_hold_after_the_preview_supersedes",
    ),
    "FS-24": (
        f"{FS_ITEMS}::test_nothing_younger_than_the_cutoff_is_ever_planned",
        f"{RUNS}::test_a_record_at_the_cutoff_stays",
    ),
    "FS-25": (
        f"{FS_ITEMS}::test_a_bomb_goes_by_age_and_is_never_unpacked",
        f"{ARCHIVES}::test_a_bomb_is_not_followed",
    ),
    "FS-26": (
        f"{FS_ITEMS}::test_a_damaged_archive_goes_by_age_alone",
        f"{ARCHIVES}::test_a_truncated_archive_is_one_record",
        f"{ARCHIVES}::test_an_archive_in_an_archive_is_not_entered",
        f"{ARCHIVES}::test_members_in_a_row_are_one_content",
    ),
    "FS-27": (f"{FS_ITEMS}::test_a_line_without_end_needs_no_memory",),
    "FS-28": (
        f"{FS_ITEMS}::test_no_pattern_of_the_settings_is_a_regular_expression",
        f"{LISTING}::test_a_pattern_cannot_be_made_slow",
        f"{LISTING}::test_a_pattern_that_cannot_be_meant_is_refused",
        f"{STAMPS}::test_long_texts_take_no_time",
    ),
    "FS-29": (
        f"{FS_ITEMS}::test_a_full_log_disk_is_purged",
        f"{FS_ITEMS}::test_a_full_disk_that_holds_the_state_too_is_purged",
        f"{DELETE}::test_a_full_disk_does_not_stop_whole_deletions",
        f"{LOG}::test_cr23_a_full_disk_still_takes_what_a_purge_must_record",
    ),
    "FS-30": (
        f"{FS_ITEMS}::test_a_kill_at_every_unlink_is_resumed_exactly",
        f"{DELETE}::test_a_kill_between_any_two_files_is_resumed",
        f"{CRASH_FILES}::test_a_naive_deletion_falls",
    ),
}

FE: Final = {
    "FE-01": (f"{STEPS}::test_nobody_approves_his_own_request",),
    "FE-02": (
        f"{STEPS}::test_one_person_approves_once",
        f"{ROLES}::test_the_same_yes_twice_is_one",
        f"{LIVE}::test_copies_of_a_card_approve_once",
    ),
    "FE-03": (
        f"{STEPS}::test_a_role_that_is_lost_before_execution_prevents_it",
        f"{ROLES}::test_a_role_that_changes_before_the_execution_prevents_it",
    ),
    "FE-04": (f"{STEPS}::test_a_role_that_is_lost_before_execution_prevents_it",),
    "FE-05": (
        f"{STEPS}::test_a_confirmation_expires_to_the_microsecond",
        f"{STEPS}::test_an_approval_expires",
    ),
    "FE-06": (f"{STEPS}::test_an_approved_purge_expires_too",),
    "FE-07": (f"{STEPS}::test_a_no_ends_it",),
    "FE-08": (
        f"{STEPS}::test_a_request_that_nobody_could_approve_cannot_be_configured",
        f"{COVER}::test_what_nobody_could_approve_is_refused",
        f"{COVER}::test_what_can_be_approved_is_not_refused",
        f"{COVER}::test_a_configuration_is_refused_exactly_if_some_request_is_stuck",
    ),
    "FE-09": (f"{STEPS}::test_a_purge_without_approval_cannot_be_configured",),
    "FE-10": (
        f"{STEPS}::test_a_second_request_for_a_source_is_refused_with_the_first_named",
        f"{RUNS}::test_two_executors_one_acts",
    ),
    "FE-11": (f"{FE_ITEMS}::test_a_vote_is_there_whole_or_not_at_all",),
    "FE-12": (
        f"{STEPS}::test_every_step_is_in_the_audit_before_it_is_stored",
        f"{STEPS}::test_a_forgotten_person_has_no_role",
    ),
    "FE-13": (
        f"{RUNS}::test_a_file_that_changes_after_the_approval_is_left",
        f"{RUNS}::test_a_file_that_vanished_is_noted",
        f"{FE_ITEMS}::test_a_file_that_appears_after_the_approval_is_not_purged",
        f"{FE_ITEMS}::test_what_appeared_goes_with_the_next_yes",
    ),
    "FE-14": (
        f"{STEPS}::test_a_change_of_rule_care_or_source_supersedes",
        f"{STANDING}::test_a_rule_that_ended_carries_nothing_more",
    ),
    "FE-15": (
        f"{FE_ITEMS}::test_odd_names_make_no_two_plans_alike",
        f"{FE_ITEMS}::test_other_names_are_another_plan",
        f"{FE_ITEMS}::test_a_file_with_a_newline_is_another_scope_than_two_files",
        f"{PROPERTIES}::test_odd_names_are_only_names",
    ),
    "FE-16": (
        f"{FE_ITEMS}::test_a_clock_set_back_does_not_make_an_approval_last",
        f"{FE_ITEMS}::test_a_clock_is_trusted_by_those_who_may",
        f"{FE_ITEMS}::test_trusting_a_clock_that_was_set_back_does_not_make_an_approval_last",
        f"{WALKS}::test_a_clock_set_back_between_two_approvals_is_noticed",
        f"{RUNS}::test_a_clock_that_went_back_deletes_nothing",
    ),
    "FE-17": (
        f"{FE_ITEMS}::test_a_lower_number_of_approvals_is_worth_nothing_to_what_is_under_way",
        f"{FE_ITEMS}::test_a_number_lowered_after_the_last_approval_supersedes_too",
    ),
    "FE-18": (f"{FE_ITEMS}::test_an_approver_who_was_added_for_one_purge_carries_nothing",),
    "FE-19": (
        f"{FE_ITEMS}::test_the_audit_cannot_be_switched_off",
        f"{RUNS}::test_no_evidence_no_purge",
        f"{STANDING}::test_two_roles_switch_it_off",
        f"{STANDING}::test_switching_off_is_urgent_and_old_ends_are_no_news",
    ),
    "FE-20": (
        f"{FE_ITEMS}::test_only_the_command_line_breaks_the_glass",
        f"{STEPS}::test_breaking_the_glass_needs_code_and_reason",
        f"{WATCH}::test_breaking_the_glass_is_found",
    ),
    "FE-21": (
        f"{WALKS}::test_nothing_is_executed_without_the_people_it_needs",
        f"{STANDING}::test_no_walk_deletes_without_a_rule_in_force",
        f"{PURGE_WALKS}::test_what_must_always_be_true_is_true_on_any_way",
        f"{PURGE_WALKS}::test_a_machine_that_lacks_one_check_is_caught",
    ),
}

CR: Final = {
    "CR-01": (
        f"{CRASH_STORES}::test_the_stores_survive_every_sequence_at_every_call",
        f"{CRASH_AUDIT}::test_the_audit_log_survives_every_call",
        f"{CRASH_PURGE}::test_a_purge_survives_every_call",
        f"{CRASH_STORES}::test_the_naive_storage_falls",
    ),
    "CR-02": (
        f"{CRASH_ATOMIC}::test_every_call_leaves_a_whole_document",
        f"{CRASH_STORES}::test_the_stores_survive_every_sequence_at_every_call",
        f"{CRASH_AUDIT}::test_the_naive_log_falls",
    ),
    "CR-03": (
        f"{CRASH_ATOMIC}::test_a_full_disk_is_no_reason_to_stop_for_good",
        f"{CRASH_PURGE}::test_a_purge_survives_every_call",
        f"{EMBEDDED}::test_a_full_disk_changes_nothing",
        f"{LOG}::test_cr23_a_full_disk_still_takes_what_a_purge_must_record",
    ),
    "CR-04": (
        f"{CR_ITEMS}::test_an_audit_that_cannot_be_flushed_stops_the_purge",
        f"{CR_ITEMS}::test_a_store_that_cannot_be_flushed_deletes_nothing",
        f"{CRASH_ATOMIC}::test_a_failed_fsync_is_never_tried_again",
        f"{LOG}::test_a_flush_that_fails_is_not_tried_again",
    ),
    "CR-05": (
        f"{CR_ITEMS}::test_a_folder_that_cannot_be_flushed_leaves_a_purge_that_can_be_repeated",
        f"{CRASH_ATOMIC}::test_an_error_after_the_rename_leaves_it_open",
        f"{CRASH_STORES}::test_a_change_of_unknown_outcome_can_be_repeated",
    ),
    "CR-06": (
        f"{CR_ITEMS}::test_an_empty_state_file_is_no_first_start",
        f"{ATOMIC}::test_a_damaged_file_is_refused",
    ),
    "CR-07": (
        f"{ATOMIC}::test_every_flipped_bit_is_noticed",
        f"{ATOMIC}::test_a_damaged_file_is_refused",
        f"{ATOMIC}::test_the_generation_before_is_kept",
    ),
    "CR-08": (
        f"{LOG}::test_cr08_a_second_process_is_refused",
        f"{ATOMIC}::test_a_second_process_is_refused",
        f"{CLI}::test_two_processes_cannot_purge_at_once",
    ),
    "CR-09": (
        f"{CRASH_STORES}::test_two_hundred_kills_under_load",
        f"{CRASH_AUDIT}::test_two_hundred_kills_while_recording",
        f"{CRASH_PURGE}::test_a_purge_survives_random_kills",
        f"{ATOMIC}::test_killed_at_any_moment_it_is_always_readable",
    ),
    "CR-10": (
        f"{CR_ITEMS}::test_a_kill_at_either_end_of_a_batch_leaves_one_record",
        f"{RUNS}::test_after_a_crash_the_purge_is_finished",
    ),
    "CR-11": (
        f"{CR_ITEMS}::test_a_kill_at_either_end_of_a_batch_leaves_one_record",
        f"{CR_ITEMS}::test_a_crash_after_the_recovery_records_nothing_twice",
    ),
    "CR-12": (
        f"{CHECKPOINTS}::test_cr12_a_torn_checkpoint_is_cut_off",
        f"{CHECKPOINTS}::test_cr12_a_key_out_of_reach_stops_no_record",
        f"{CRASH_AUDIT}::test_the_audit_log_survives_every_call",
    ),
    "CR-13": (
        f"{VERIFY}::test_cr13_a_restored_backup_is_older_than_the_checkpoint_off_the_host",
        f"{VERIFY}::test_cr13_a_restored_backup_that_grew_again_is_rewritten",
        f"{VERIFY}::test_cr13_only_the_log_restored_is_refused_at_once",
        f"{CLI}::test_a_checkpoint_kept_elsewhere_shows_what_was_cut_off",
    ),
    "CR-14": (
        f"{VERIFY}::test_cr14_an_altered_byte_names_its_entry",
        f"{VERIFY}::test_cr14_whatever_is_altered_the_same_entry_is_named",
        f"{CLI}::test_an_audit_that_was_altered_is_found_broken",
    ),
    "CR-15": (
        f"{VERIFY}::test_cr15_a_deleted_record_is_a_gap",
        f"{VERIFY}::test_cr15_two_swapped_records_are_named",
        f"{VERIFY}::test_cr15_an_inserted_record_is_named",
        f"{VERIFY}::test_ten_thousand_random_mutations_are_all_detected",
    ),
    "CR-16": (
        f"{VERIFY}::test_cr16_a_cut_tail_is_shorter_than_the_checkpoint",
        f"{VERIFY}::test_cr16_a_log_taken_away_is_a_cut_tail",
    ),
    "CR-17": (
        f"{VERIFY}::test_cr17_a_torn_last_line_is_no_tampering",
        f"{LOG}::test_cr17_a_torn_line_is_cut_off_and_recorded",
    ),
    "CR-18": (
        f"{VERIFY}::test_cr18_a_record_that_is_there_twice_is_named",
        f"{VERIFY}::test_cr18_a_fork_is_named",
    ),
    "CR-19": (f"{VERIFY}::test_cr19_a_log_written_anew_without_the_key_contradicts_its_checkpoints",),
    "CR-20": (f"{VERIFY}::test_cr20_a_log_written_anew_with_the_key_contradicts_the_one_off_the_host",),
    "CR-21": (f"{VERIFY}::test_cr21_the_same_json_in_another_spelling_is_detected",),
    "CR-22": (
        f"{CHECKPOINTS}::test_cr22_one_entry_is_proved_without_the_others",
        f"{CHECKPOINTS}::test_cr22_a_forged_proof_fails",
    ),
    "CR-23": (
        f"{CR_ITEMS}::test_a_full_audit_disk_refuses_purges_and_answers_questions",
        f"{CR_ITEMS}::test_a_full_audit_disk_deletes_nothing_even_if_the_stores_have_room",
    ),
    "CR-24": (
        f"{LOG}::test_cr24_an_old_epoch_can_be_deleted",
        f"{LOG}::test_an_epoch_taken_out_of_the_middle_is_a_gap",
    ),
}

P: Final = {
    "P1": (
        f"{PROPERTIES}::test_a_purge_removes_all_that_is_old_and_nothing_that_is_young",
        f"{DELETE}::test_no_record_at_or_after_the_cutoff_ever_disappears",
        f"{REWRITE}::test_kept_bytes_are_identical",
    ),
    "P2": (f"{PROPERTIES}::test_a_purge_removes_all_that_is_old_and_nothing_that_is_young",),
    "P3": (
        f"{PROPERTIES}::test_a_purge_removes_all_that_is_old_and_nothing_that_is_young",
        f"{PROPERTIES}::test_stopping_at_any_unit_keeps_the_books",
    ),
    "P4": (
        f"{PROPERTIES}::test_a_crash_changes_nothing_about_the_end",
        f"{CRASH_PURGE}::test_a_purge_survives_every_call",
        f"{CRASH_PURGE}::test_the_test_can_tell",
    ),
    "P5": (
        f"{PROPERTIES}::test_a_purge_removes_all_that_is_old_and_nothing_that_is_young",
        f"{FE_ITEMS}::test_a_file_that_appears_after_the_approval_is_not_purged",
    ),
    "P6": (
        f"{PROPERTIES}::test_held_records_stay",
        f"{RUNS}::test_a_hold_placed_at_any_moment_protects_what_is_left",
    ),
    "P7": (
        f"{PROPERTIES}::test_the_scope_does_not_depend_on_the_order_of_listing",
        f"{CONTRACT}::test_the_root_depends_on_the_rows_only",
    ),
    "P8": (
        f"{CERTIFICATE}::test_failed_and_unknown_never_give_a_certificate",
        f"{CERTIFICATE}::test_a_certificate_cannot_even_be_built_from_a_failure",
        f"{CERTIFICATE}::test_a_proved_purge_gets_a_certificate",
    ),
    "P9": (
        f"{RUNS}::test_nothing_of_a_log_is_in_the_audit",
        f"{CERTIFICATE}::test_planted_personal_data_is_refused",
        f"{CERTIFICATE}::test_every_text_of_the_model_is_reached",
    ),
    "P10": (
        f"{RUNS}::test_a_clock_that_jumped_forward_deletes_nothing",
        f"{RUNS}::test_a_clock_that_went_back_deletes_nothing",
        f"{RUNS}::test_sleep_and_reboot_are_no_jump",
    ),
    "P11": (
        f"{STAMPS}::test_every_zone_over_its_changes_of_2026",
        f"{STAMPS}::test_a_naive_stamp_holds_its_instant_in_any_zone",
    ),
    "P12": (
        f"{RUNS}::test_two_executors_one_acts",
        f"{RUNS}::test_a_fenced_executor_deletes_nothing_more",
    ),
    "P13": (
        f"{WATCH}::test_every_alarm_of_a_source_can_fire",
        f"{WATCH}::test_where_nothing_is_wrong_nothing_is_found",
    ),
}

BAD_INPUT: Final = {
    "roots": (
        f"{CLI}::test_a_root_that_may_not_be_one_is_named",
        f"{LISTING}::test_a_root_that_is_a_folder_is_accepted",
    ),
    "sources that are no logs": (
        f"{CLI}::test_a_source_that_is_no_log_is_refused",
        f"{CLI}::test_a_source_with_an_innocent_name_is_not",
    ),
    "a limit above 90 days": (f"{CLI}::test_a_limit_above_the_terms_is_refused",),
    "a clock that jumped": (
        f"{CLI}::test_a_clock_that_went_back_deletes_nothing",
        f"{RUNS}::test_a_clock_that_jumped_forward_deletes_nothing",
    ),
    "two processes": (f"{CLI}::test_two_processes_cannot_purge_at_once",),
    "a hold without reason": (
        f"{CLI}::test_a_hold_that_cannot_be_is_bad_input",
        f"{RUNS}::test_a_hold_that_nobody_could_answer_for_is_refused",
    ),
    "a wrong code": (
        f"{CLI}::test_what_is_wrong_is_refused_and_nothing_deleted",
        f"{STEPS}::test_a_wrong_code_confirms_nothing",
    ),
    "an expired code": (f"{CLI}::test_an_expired_code_is_refused",),
    "a code for another scope": (f"{CLI}::test_a_code_for_another_scope_is_refused",),
    "encrypted archives": (
        f"{ARCHIVES}::test_an_encrypted_zip_stays_closed",
        f"{FS_ITEMS}::test_a_damaged_archive_goes_by_age_alone",
    ),
    "damaged archives": (
        f"{CLI}::test_damaged_archives_are_residue_or_go_by_age",
        f"{FS_ITEMS}::test_a_damaged_archive_goes_by_age_alone",
    ),
}

REAL_FAULTS: Final = {
    "ENOSPC": (
        f"{FS_ITEMS}::test_a_full_log_disk_is_purged",
        f"{CR_ITEMS}::test_a_full_audit_disk_refuses_purges_and_answers_questions",
        f"{REWRITE}::test_a_full_disk_leaves_the_original",
    ),
    "EACCES": (
        f"{DELETE}::test_a_refusal_of_the_system_is_an_outcome",
        f"{LISTING}::test_a_folder_that_may_not_be_read_is_said",
    ),
    "EROFS": (
        f"{FS_ITEMS}::test_a_read_only_disk_leaves_everything_and_says_so",
        f"{DELETE}::test_a_read_only_file_system_is_said",
    ),
    "EIO": (
        f"{CR_ITEMS}::test_an_audit_that_cannot_be_flushed_stops_the_purge",
        f"{CR_ITEMS}::test_a_store_that_cannot_be_flushed_deletes_nothing",
        f"{CRASH_PURGE}::test_a_purge_survives_every_call",
    ),
    "a writer that appends": (
        f"{REWRITE}::test_a_writer_that_appends_all_the_time_loses_nothing",
        f"{WRITERS}::test_the_naive_way_loses_lines",
    ),
    "a writer that rotates": (
        f"{RACES}::test_a_service_that_writes_and_rolls_meanwhile_loses_no_young_line",
        f"{WRITERS}::test_a_rolling_python_handler",
        f"{WRITERS}::test_nginx_reopening_its_logs",
    ),
    "swapped links": (f"{RACES}::test_a_file_exchanged_with_a_young_one_is_not_the_one_that_goes",),
    "swapped folders": (
        f"{RACES}::test_a_folder_exchanged_with_a_link_leads_nowhere",
        f"{FS_ITEMS}::test_a_folder_swapped_during_whole_purges_leads_nowhere",
    ),
}

ALL: Final = AZ | FS | FE | IN | CR | RL | P | BAD_INPUT | REAL_FAULTS
