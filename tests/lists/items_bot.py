"""Which test proves which item of the IN and RL lists of security.md 8: what people type, what goes wrong around us.

Where the product does otherwise, or cannot have what an item asks for, the reason stands here:

- IN-06: letters of another alphabet make no command word and no code; nothing is folded onto what it looks like.
- IN-08: a card has at most 28 KB (design 3.4), not 20; what does not fit has pages or is cut.
- IN-13: 20,000 utterances of all words through the understanding, 3,000 of words that are no orders through the whole
  bot with its dialogs, with fixed seeds. A million, and the 99th percentile, are for the bench: no test is timed.
- RL-02: the outbox has 8 calls out at most, so a connector that hangs takes no more; turns have calls of their own.
- RL-07: 1,000 arrivals; `PROCALL_STORM=10000` sends as many as asked.
- RL-16: what reached nobody is a finding after 15 minutes, which the other channel and the watchdog take up.
- RL-19, 22: there is no PostgreSQL store and no pooler yet: files are the only state, one process holds them, and
  what a sick disk does to them is the CR list's. `state.postgres_dsn` is known to the settings and used by nothing.
- RL-20: two replicas cannot share files: the second refuses to start. What a paused executor finds that somebody else
  has taken over from is tested with two engines over one store.
- RL-23: without a time server nobody knows of a leap second; a smeared one is less than the 5 s a clock may be slewed.
- RL-28: root is not kept from making threads; a process without memory cannot make them either.
- RL-29: 1,500 turns of 60 people in a real process, not 24 h: files constant, memory less than 5 % more.
"""

from typing import Final

HERE = "tests/lists"
IN_ITEMS, LIVE, RL_MORE, CR_ITEMS, FE_ITEMS = (
    f"{HERE}/test_{name}.py" for name in ("in_items", "live_items", "rl_more", "cr_items", "fe_items")
)
BOT, DIALOGS, OFFICE, DESK, PURGE = (
    "tests/bot",
    "tests/dialogs",
    "tests/data/office",
    "tests/data/desk",
    "tests/data/purge",
)
REPETITION, CONNECTOR, TRANSLATE, CREDENTIALS, KEYS, SEEN, PATIENCE, OWN_LOGS, WATCHDOG = (
    f"{BOT}/test_{name}.py"
    for name in (
        "repetition", "connector", "translate", "credentials", "keys", "seen", "patience", "own_logs", "watchdog",
    )
)  # fmt: skip
ROUTING, PURGING, HANDING_OVER = (f"{DIALOGS}/test_{name}.py" for name in ("router", "purge", "handover"))
COMMANDS, NORMALISE = "tests/data/test_commands.py", "tests/data/test_normalise.py"
ELEMENTS, RULES = "tests/cards/test_elements.py", "tests/cards/test_rules.py"
OUTBOX, STANDING = f"{OFFICE}/test_outbox.py", f"{OFFICE}/test_standing_rules.py"
RETRY, PACE = f"{DESK}/test_retry.py", f"{DESK}/test_pace.py"
RL_ITEMS, SENDER = f"{HERE}/test_rl_items.py", f"{BOT}/test_sender.py"
RUNS = f"{PURGE}/test_purge_runs.py"
ATOMIC, AUDIT = "tests/data/stores/test_atomic_storage.py", "tests/data/audit/test_audit_log.py"
CLI = "tests/test_retention_cli.py"
TITLES = (
    f"{IN_ITEMS}::test_a_title_from_outside_is_shown_literally",
    f"{ELEMENTS}::test_known_tricks_are_shown_as_text",
)
LONG = f"{ROUTING}::test_a_long_text_is_answered_in_time"

IN: Final = {
    "IN-01": (*TITLES, f"{RULES}::test_foreign_text_in_the_contact_stays_text"),
    "IN-02": (*TITLES, f"{ELEMENTS}::test_escaped_text_is_read_literally"),
    "IN-03": (*TITLES, f"{PURGING}::test_no_card_names_a_file_or_a_person"),
    "IN-04": (*TITLES, f"{ELEMENTS}::test_escaped_text_is_read_literally"),
    "IN-05": (*TITLES, f"{ELEMENTS}::test_escaped_text_is_one_short_line_without_hidden_characters"),
    "IN-06": (
        f"{IN_ITEMS}::test_a_code_in_other_letters_confirms_nothing",
        f"{COMMANDS}::test_lookalike_letters_make_no_command_word",
    ),
    "IN-07": (
        f"{IN_ITEMS}::test_an_order_means_the_same_in_every_form",
        f"{IN_ITEMS}::test_command_words_are_ascii",
        f"{NORMALISE}::test_composed_and_decomposed_are_the_same",
        f"{NORMALISE}::test_capitals_make_no_difference",
    ),
    "IN-08": (
        f"{IN_ITEMS}::test_fifty_kilobytes_stay_within_a_card",
        f"{IN_ITEMS}::test_three_hundred_sources_are_leafed_through",
        f"{HANDING_OVER}::test_no_card_is_too_large_whatever_is_typed",
    ),
    "IN-09": (LONG, f"{TRANSLATE}::test_long_text_is_marked_as_cut"),
    "IN-10": (LONG, f"{NORMALISE}::test_long_and_odd_texts_are_bounded"),
    "IN-11": (LONG, f"{NORMALISE}::test_long_and_odd_texts_are_bounded"),
    "IN-12": (
        f"{IN_ITEMS}::test_what_nobody_can_type_leaves_the_store_whole",
        f"{ROUTING}::test_characters_nobody_types_do_no_harm",
        f"{NORMALISE}::test_null_and_lone_surrogates_are_dropped",
    ),
    "IN-13": (
        f"{IN_ITEMS}::test_random_words_change_nothing_in_the_whole_bot",
        f"{COMMANDS}::test_random_utterances_never_change_anything_unnoticed",
        f"{COMMANDS}::test_whoever_begins_with_a_question_word_orders_nothing",
    ),
    "IN-14": (
        f"{ROUTING}::test_a_message_without_text_is_answered_politely",
        f"{TRANSLATE}::test_message_without_text_is_an_empty_question",
    ),
    "IN-15": (
        f"{IN_ITEMS}::test_a_mixture_of_languages_is_as_safe_as_either",
        f"{IN_ITEMS}::test_a_switch_of_language_confirms_nothing_by_itself",
    ),
    "IN-16": (
        f"{LIVE}::test_a_hundred_messages_of_one_person_delay_nobody_else",
        f"{LIVE}::test_a_press_that_did_nothing_can_be_pressed_again",
        f"{PATIENCE}::test_a_burst_then_so_many_a_second",
        f"{PATIENCE}::test_others_are_unaffected",
    ),
}

RL: Final = {
    "RL-01": (
        f"{RL_MORE}::test_an_identity_platform_that_hangs_holds_up_no_button",
        f"{CREDENTIALS}::test_fetching_leaves_the_event_loop_alone",
        f"{KEYS}::test_hanging_key_server_is_given_up_after_three_seconds",
    ),
    "RL-02": (
        f"{CONNECTOR}::test_slow_connector_delays_nobody_else",
        f"{CONNECTOR}::test_time_out_is_not_repeated",
        f"{PACE}::test_a_silent_host_is_asked_less_and_less",
        f"{RL_ITEMS}::test_a_connector_that_hangs_holds_up_nobody_else",
        f"{SENDER}::test_calls_at_the_same_time_are_few",
    ),
    "RL-03": (
        f"{CONNECTOR}::test_refused_connection_is_tried_again",
        f"{CONNECTOR}::test_status_becomes_an_error_of_ours",
        f"{CREDENTIALS}::test_secret_is_not_sent_to_an_untrusted_server",
        f"{RL_ITEMS}::test_every_broken_connection_is_one_of_our_outcomes",
    ),
    "RL-04": (
        f"{REPETITION}::test_message_delivered_four_times_is_answered_once",
        f"{LIVE}::test_fifty_presses_over_http_are_one_effect_and_one_answer_each",
        f"{LIVE}::test_fifty_orders_over_http_begin_one_purge",
    ),
    "RL-05": (
        f"{RL_MORE}::test_a_large_source_is_previewed_in_the_background",
        f"{REPETITION}::test_delivery_while_the_first_is_under_way_is_answered_once",
    ),
    "RL-06": (f"{RL_MORE}::test_an_approval_before_the_confirmation_is_politely_refused",),
    "RL-07": (f"{RL_MORE}::test_a_storm_of_arrivals_is_one_welcome", f"{SEEN}::test_memory_is_bounded"),
    "RL-08": (
        f"{RETRY}::test_a_pause_is_kept_and_cut_to_a_quarter_of_an_hour",
        f"{CONNECTOR}::test_throttled_answer_is_repeated_after_the_pause",
        f"{CONNECTOR}::test_pause_is_read_in_every_spelling",
        f"{SENDER}::test_throttling_is_obeyed",
    ),
    "RL-09": (
        f"{CONNECTOR}::test_answer_that_may_have_arrived_is_not_repeated",
        f"{RETRY}::test_an_unknown_outcome_is_repeated_only_where_it_must_arrive",
        f"{SENDER}::test_only_what_must_arrive_is_sent_twice",
    ),
    "RL-10": (
        f"{RETRY}::test_an_unknown_outcome_is_repeated_only_where_it_must_arrive",
        f"{RETRY}::test_ten_tries_lie_within_a_day_and_outlive_a_night",
        f"{OUTBOX}::test_ten_failures_are_a_dead_letter_with_its_reason",
        f"{SENDER}::test_only_what_must_arrive_is_sent_twice",
        f"{SENDER}::test_ten_tries_of_a_message_that_never_arrives",
    ),
    "RL-11": (
        f"{CONNECTOR}::test_refused_token_is_renewed_once",
        f"{CONNECTOR}::test_refused_tokens_are_not_tried_for_ever",
        f"{SENDER}::test_a_refused_token_is_renewed_once_and_then_told",
    ),
    "RL-12": (
        f"{RETRY}::test_who_is_gone_is_written_to_no_more",
        f"{OUTBOX}::test_a_dropped_place_is_forgotten_unless_it_is_new",
        f"{SENDER}::test_who_has_removed_the_bot_is_left_alone",
    ),
    "RL-13": (
        f"{CONNECTOR}::test_stored_foreign_service_url_gets_no_token",
        f"{OUTBOX}::test_a_changed_address_is_found_even_where_others_got_it",
        f"{SENDER}::test_a_changed_address_gets_neither_message_nor_token",
    ),
    "RL-14": (
        f"{OUTBOX}::test_a_crash_loses_nothing_urgent_and_repeats_nothing_else",
        f"{OUTBOX}::test_ended_attempts_do_not_recover",
        f"{RL_ITEMS}::test_a_killed_sender_loses_nothing_urgent",
        f"{SENDER}::test_a_crash_between_sending_and_noting",
    ),
    "RL-15": (
        f"{PACE}::test_no_window_ever_holds_too_many",
        f"{PACE}::test_one_more_would_be_refused",
        f"{OUTBOX}::test_an_outage_that_is_over_is_caught_up_at_once",
        f"{SENDER}::test_a_day_without_network_is_caught_up_within_limits",
        f"{SENDER}::test_a_thousand_messages_meet_no_429",
        f"{SENDER}::test_without_pace_teams_says_no",
    ),
    "RL-16": (
        f"{OUTBOX}::test_an_alert_that_nobody_got_is_found",
        f"{WATCHDOG}::test_an_urgent_message_is_missed_after_half_an_hour_or_when_given_up",
        f"{OUTBOX}::test_a_message_given_up_is_found_at_once",
    ),
    "RL-17": (f"{RL_MORE}::test_a_process_that_ends_in_a_purge_under_load_loses_nothing",),
    "RL-18": (f"{RL_MORE}::test_a_process_that_ends_in_a_purge_under_load_loses_nothing",),
    "RL-19": (
        f"{CR_ITEMS}::test_a_store_that_cannot_be_flushed_deletes_nothing",
        f"{CR_ITEMS}::test_a_full_audit_disk_refuses_purges_and_answers_questions",
    ),
    "RL-20": (
        f"{RUNS}::test_a_fenced_executor_deletes_nothing_more",
        f"{CLI}::test_two_processes_cannot_purge_at_once",
    ),
    "RL-21": (f"{RUNS}::test_a_fenced_executor_deletes_nothing_more",),
    "RL-22": (f"{ATOMIC}::test_a_second_process_is_refused", f"{AUDIT}::test_cr08_a_second_process_is_refused"),
    "RL-23": (
        f"{RL_MORE}::test_a_jump_of_the_clock_stops_purges_until_it_is_right",
        f"{RL_MORE}::test_the_zone_of_the_host_decides_nothing",
        f"{RUNS}::test_a_clock_that_jumped_forward_deletes_nothing",
        f"{RUNS}::test_sleep_and_reboot_are_no_jump",
    ),
    "RL-24": (
        f"{RL_MORE}::test_three_days_asleep_are_one_run_of_the_schedule",
        f"{STANDING}::test_three_days_of_sleep_are_one_run",
    ),
    "RL-25": (
        f"{RL_MORE}::test_a_jump_of_the_clock_stops_purges_until_it_is_right",
        f"{RUNS}::test_a_clock_that_went_back_deletes_nothing",
        f"{FE_ITEMS}::test_a_clock_set_back_does_not_make_an_approval_last",
    ),
    "RL-26": (f"{RL_MORE}::test_the_zone_of_the_host_decides_nothing",),
    "RL-27": (f"{RL_MORE}::test_a_state_that_became_read_only_is_red_and_answers",),
    "RL-28": (f"{RL_MORE}::test_a_purge_that_lacks_files_or_memory_harms_nothing",),
    "RL-29": (f"{RL_MORE}::test_many_turns_leave_memory_and_files_as_they_were",),
    "RL-30": (
        f"{OWN_LOGS}::test_a_flood_is_cut_off_until_the_next_day",
        f"{OWN_LOGS}::test_own_logs_older_than_the_limit_are_gone",
    ),
}
