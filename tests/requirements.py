"""The requirements as data: what the library must do, whether it does, and which tests prove it.

A requirement is done when it works between operating-system processes over real DDS. `tests` holds node ids without
parameters; at least one of them runs agents in processes of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement; `tests` prove it when it is done."""

    id: str
    text: str
    state: Literal["done", "planned"]
    tests: tuple[str, ...] = ()


def _done(id_: str, text: str, **tests: tuple[str, ...]) -> Requirement:
    """Tests by file: `face__test_queries` is tests/face/test_queries.py."""
    return Requirement(
        id_,
        text,
        "done",
        tuple(f"tests/{file.replace('__', '/')}.py::test_{name}" for file, names in tests.items() for name in names),
    )


def _planned(id_: str, text: str) -> Requirement:
    return Requirement(id_, text, "planned")


REQUIREMENTS: tuple[Requirement, ...] = (
    # Agent-to-agent communication
    _done(
        "A1",
        "An agent built with enable_agent_communication is RPC server and RPC client, without it it serves interfaces"
        " only; names and ids that cannot be topic names are refused.",
        face__test_constructor=(
            "positional_arguments_in_the_order_of_the_contract",
            "what_is_not_given",
            "an_agent_id_that_cannot_be_a_topic_name_is_refused",
            "a_base_service_name_that_cannot_be_a_topic_name_is_refused",
            "an_agent_name_that_is_blank_or_too_long_is_refused",
            "the_participant_is_there_while_the_agent_is_open",
            "the_longest_names_work_across_processes",
            "with_the_flag_an_agent_is_server_and_client",
            "without_the_flag_interfaces_can_call",
            "without_the_flag_an_agent_cannot_call",
            "without_the_flag_agents_do_not_see_it",
            "without_the_flag_an_agent_that_calls_anyway_is_refused",
        ),
    ),
    _done(
        "A2",
        "All types are in config/datamodel.xml and all QoS in config/qos.xml, both load in both DDS products;"
        " AgentCapability has the members and bounds agreed on, and what is over a bound is refused.",
        dds__test_datamodel=("agent_capability_has_the_members_and_bounds_of_the_requirement",),
        dds__test_qos=("profiles_are_those_of_the_wire",),
        dds__test_cdr=("bytes_equal_those_of_cyclone_and_decode_to_the_same_values",),
        dds__test_connext_types=(
            "the_data_model_loads_with_every_type",
            "the_qos_file_loads_with_every_profile",
            "bytes_equal_ours_and_cyclones",
        ),
        bad_input__test_capabilities=(
            "what_just_fits_is_announced_whole",
            "a_capability_over_its_bound_is_refused_at_open",
            "what_cannot_be_announced_is_refused_at_the_constructor",
            "an_update_that_is_refused_leaves_the_old_announcement",
        ),
        test_wheel=("the_configuration_is_found_inside_the_wheel", "two_processes_with_the_wheel_call_each_other"),
    ),
    _done(
        "A3",
        "One Replier for each agent, on a service name unique to the instance that gives the base name back.",
        face__test_service_names=(
            "base_name_and_id",
            "without_a_base_name",
            "one_request_reader_for_each_instance_of_a_service",
        ),
    ),
    _done(
        "A4",
        "Durable discovery: late joiners see every live agent, exits dispose, crashes are noticed, and an agent's card"
        " survives all it does.",
        face__test_discovery=(
            "a_late_joiner_sees_every_live_agent",
            "who_was_there_first_sees_who_comes_later",
            "the_whole_card_arrives",
            "capabilities_survive_all_that_the_agent_does",
            "an_updated_card_reaches_everybody",
            "a_graceful_exit_disposes_the_instance",
            "a_crash_is_noticed_through_liveliness",
            "another_process_notices_a_crash",
            "the_announcements_quality_of_service",
        ),
        contract__test_rpc_failures=(
            "a_restarted_agent_is_found_again",
            "an_agent_replaced_without_a_gap_stays_available",
            "an_agent_that_froze_longer_than_its_lease_is_found_again",
        ),
    ),
    _done(
        "A5",
        "Connections wait for the match in both directions, are opened when first needed, shared, closed when idle and"
        " dropped when the agent is gone.",
        face__test_connections=(
            "connect_waits_for_the_match_in_both_directions",
            "connect_by_name",
            "an_agent_connects_to_an_agent_of_another_process",
            "connect_to_nobody_is_false",
            "connect_to_an_agent_that_does_not_answer_is_false",
            "nothing_is_connected_before_the_first_message_and_the_connection_is_reused",
            "an_idle_connection_is_closed_and_opened_again_when_needed",
            "a_connection_with_a_call_in_flight_is_not_idle",
            "a_recorder_on_the_request_topic_does_not_make_connect_lie",
            "a_connection_is_dropped_when_its_agent_leaves",
            "a_connection_is_dropped_when_its_agent_crashes",
        ),
    ),
    _done(
        "A6",
        "send_agent_request gives the reply, or logs and gives None; request_agent raises; a status of the agent's own"
        " is a reply; targets are ids or names; wait=True waits for the agent.",
        face__test_requests=(
            "the_reply",
            "the_target_may_be_an_id_or_a_name",
            "a_status_that_the_agent_set_is_a_reply",
            "an_agent_that_was_never_seen",
            "an_agent_that_has_left",
            "a_hook_that_raises",
            "a_hook_that_takes_too_long",
            "a_timeout_that_is_none_is_refused",
            "a_call_waits_for_an_agent_that_comes_later",
            "the_first_call_of_a_fresh_caller_is_answered",
        ),
    ),
    _done(
        "A7",
        "wait_for_agent waits for an agent by name or id, woken by its arrival.",
        face__test_requests=(
            "wait_for_an_agent_that_comes_later",
            "wait_for_an_agent_in_another_process",
            "wait_for_nobody_is_false",
        ),
        test_shape=("no_polling",),
    ),
    _done(
        "A8",
        "Hooks: every request enters process_agent_request, whose default awaits process_request; one of them has to be"
        " there; conversation and metadata travel both ways; the keys of get_agent_capabilities.",
        face__test_hooks=(
            "process_request_alone",
            "every_request_enters_process_agent_request",
            "what_a_hook_is_told_and_what_travels_back",
            "a_hook_that_yields_is_a_stream",
            "a_stream_is_one_reply_to_who_asks_for_one",
            "a_hook_that_returns_is_a_stream_of_one_part",
            "the_reply_of_another_agent_can_be_returned_as_it_is",
            "an_agent_that_overrides_neither_hook_is_refused",
        ),
        face__test_discovery=("the_whole_card_arrives",),
        bad_input__test_capabilities=("capabilities_of_the_wrong_shape_are_a_config_error",),
    ),
    _done(
        "A9",
        "Queries by type, capability, specialization, model and metric; an info has the members of AgentCapability;"
        " callbacks tell of arrivals and departures.",
        face__test_queries=(
            "queries_by_what_agents_announce",
            "an_info_has_the_members_of_agent_capability",
            "agents_ask_as_interfaces_do_and_do_not_find_themselves",
            "find_lets_a_fresh_caller_look_around_first",
            "find_methods_are_coroutines_and_get_methods_are_not",
            "callbacks_tell_of_arrival_exit_and_crash",
            "a_callback_given_before_opening_hears_of_all_agents",
            "an_agents_callbacks_leave_out_itself_and_those_it_cannot_call",
        ),
    ),
    _done(
        "A10",
        "A broadcast asks all at once and gives a reply or an error for each, the sender left out.",
        face__test_broadcast=(
            "all_are_asked_at_once",
            "a_broadcast_goes_to_everybody",
            "failures_are_values",
            "only_those_with_the_capability",
            "an_agent_leaves_itself_out",
        ),
    ),
    _done(
        "A11",
        "Conversations of several turns: both ends see the same id, and two share no state.",
        face__test_conversations=(
            "several_turns_under_one_id",
            "the_history",
            "conversations_share_nothing",
            "two_agents_converse_across_processes",
        ),
    ),
    _done(
        "A12",
        "A batch is several requests in a single RPC, each with its own status.",
        face__test_batch=(
            "each_item_has_a_status_of_its_own",
            "a_batch_is_one_rpc",
            "order_metadata_and_conversation",
        ),
    ),
    _done(
        "A13",
        "In a MonitoredAgent every request is monitored, send_agent_request_monitored included.",
        face__test_monitored_agent=(
            "a_request_through_two_agents_is_one_chain_of_events",
            "who_asks_by_any_name_is_monitored",
            "a_failure_is_an_event_too",
        ),
    ),
    _done(
        "A14",
        "Agents that share a name: by id exactly that one, by name exactly one, spread, and sticky per conversation"
        " whoever calls.",
        face__test_addressing=(
            "by_id_exactly_that_one",
            "by_name_exactly_one_executes_spread_over_the_live_ones",
            "a_conversation_stays_with_one_agent_whoever_calls",
            "when_an_agent_leaves_only_its_own_conversations_move",
            "instances_of_a_service_told_apart_by_their_tag",
            "an_id_goes_before_a_name",
        ),
    ),
    # Routing by language model
    _done(
        "B1",
        "The language model alone picks the agent; its answer is constrained to the ids on offer and validated.",
        test_agent_classifier=(
            "the_model_decides",
            "nothing_but_the_model_decides",
            "the_answer_is_constrained_to_the_agents_on_offer",
            "an_invalid_answer_is_asked_again_with_the_problem",
            "answers_that_stay_invalid_mean_none",
        ),
        face__test_routing=("the_model_picks_the_specialist", "an_interface_routes"),
    ),
    _done(
        "B2",
        "Without a model the default-capable agent is asked; any OpenAI-compatible endpoint works.",
        test_agent_classifier=(
            "without_a_model_only_the_default_agent_is_left",
            "a_model_that_fails_leaves_the_fallback",
            "a_key_or_a_base_url_configures",
        ),
        face__test_routing=("without_a_model_the_default_capable_agent_is_asked", "an_interface_routes"),
    ),
    _done(
        "B3",
        "A request is classified and sent on, the reply says to whom and why, and the agent answers itself when routing"
        " fails.",
        face__test_routing=(
            "the_model_picks_the_specialist",
            "the_agent_answers_itself_when_nobody_fits",
            "the_agent_answers_itself_when_the_specialist_fails",
            "the_agent_answers_itself_when_the_model_cannot_be_asked",
            "an_interface_routes",
        ),
    ),
    _planned("B4", "OpenAIGenesisAgent: agents and functions of the bus as tools of one tool call loop."),
    # Example agents
    _done(
        "C1",
        "OpenWeatherMapAgent: natural language in and out, live data with a key, marked sample data without, errors as"
        " clear replies.",
        agents__test_weather_agent=(
            "the_agent_serves_other_processes",
            "a_question_gets_its_answer",
            "each_failure_of_the_service_is_a_clear_reply",
            "without_a_key_the_data_is_marked_as_sample_data",
        ),
        agents__test_places=("the_place_is_found",),
    ),
    _done(
        "C2",
        "A general agent that routes to specialists and handles the rest; examples as processes of their own, and a"
        " launcher.",
        agents__test_general_agent=("a_question_finds_the_weather_agent_and_the_rest_is_answered",),
        agents__test_examples=(
            "the_agents_and_the_interface_are_processes_of_their_own",
            "the_launcher_asks_and_ends_what_it_started",
        ),
    ),
    # Monitoring and observability
    _planned("D1", "Events of requests, connections, lifecycle, models, functions, classification, and each failure."),
    _planned("D2", "One trace from interface over agents to function, both ids on each hop."),
    # Robustness
    _done(
        "E1",
        "Retries with exponential backoff and jitter, only where nothing can have been executed or the request is"
        " idempotent; a circuit breaker for each agent.",
        resilience__test_retries=(
            "what_never_ran_may_be_repeated",
            "what_may_have_run_is_repeated_only_when_that_does_no_harm",
            "an_answer_and_a_passed_deadline_are_final",
            "the_backoff_doubles_up_to_its_bound_and_is_jittered",
            "the_other_sides_hint_is_honoured",
            "an_overloaded_agent_is_asked_again_when_it_says",
            "a_deadline_before_the_next_attempt_ends_the_call_with_what_the_agent_said",
            "of_several_agents_of_a_name_a_free_one_is_asked_next",
            "a_request_that_may_have_run_is_not_sent_to_another_agent",
            "an_idempotent_request_is_sent_to_another_agent",
            "an_idempotent_request_waits_for_the_agents_return",
            "a_lost_agent_without_a_replacement_is_reported_as_lost",
            "calls_that_wait_survive_restarts_and_run_once",
            "all_attempts_are_one_trace",
        ),
        resilience__test_circuit_breaker=(
            "failures_in_a_row_open_the_circuit",
            "half_open_lets_one_through_at_a_time",
            "an_agent_that_does_not_answer_is_left_alone",
            "a_new_announcement_closes_the_circuit",
            "a_call_that_waits_is_the_one_that_tries",
            "of_several_agents_of_a_name_one_that_answers_is_asked",
            "the_operator_sees_it",
        ),
    ),
    _done(
        "E2",
        "Timeouts can be set, clean up on both sides and are inherited by nested calls; work whose deadline has passed never"
        " runs.",
        contract__test_rpc_deadlines=(
            "a_timeout_says_who_and_which_and_how_long",
            "a_timeout_cancels_the_remote_handler",
            "cancelling_the_task_cancels_the_remote_handler",
            "a_cancelled_call_cancels_the_whole_chain",
            "a_nested_call_inherits_what_is_left",
            "a_nested_call_ends_with_the_outer_deadline",
            "what_expired_in_the_queue_never_starts",
        ),
        resilience__test_frozen_agents=(
            "what_expired_while_the_agent_stood_still_never_runs",
            "what_expired_in_its_queue_never_runs",
            "what_expired_while_the_agents_loop_was_blocked_never_runs",
        ),
        resilience__test_soak=("what_each_process_holds_stays_flat",),
    ),
    _done(
        "E3",
        "Agents never seen, gone, or dying in mid-call each fail in their own way and time; wait=True waits for them.",
        contract__test_rpc_failures=(
            "an_agent_never_seen_is_not_found",
            "an_agent_that_left_is_unavailable",
            "an_agent_that_was_killed_is_unavailable",
            "calls_waiting_for_a_throttled_agent_that_dies_are_lost",
        ),
        face__test_requests=(
            "a_call_waits_for_an_agent_that_comes_later",
            "the_first_call_of_a_fresh_caller_is_answered",
        ),
        resilience__test_killed_agents=(
            "calls_in_flight_fail_with_a_typed_error_and_nothing_runs_twice",
            "streams_in_flight_fail_with_a_typed_error",
        ),
        resilience__test_reconnecting=("an_agent_killed_and_started_again_is_found_at_once",),
        resilience__test_shutdown=("a_signal_under_load_loses_no_call_that_was_taken",),
    ),
    _done(
        "E4",
        "Circular calls over any mix of agents and functions are refused with their path, chains have a hop limit, and"
        " agents may opt in to re-entrance.",
        contract__test_rpc_chains=("a_loop_is_refused_with_its_path", "an_agent_that_calls_itself_is_refused"),
        resilience__test_chains=(
            "any_way_ends_at_its_end_or_is_refused",
            "a_loop_over_functions_names_its_path",
            "too_many_hops_name_the_limit",
            "a_reentrant_agent_may_meet_itself",
        ),
    ),
    _done(
        "E5",
        "Rate limits per caller and per agent, overload refused with a hint, turns for all callers, bounded memory.",
        resilience__test_rate_limits=(
            "a_flooding_caller_is_held_to_its_rate_and_others_notice_nothing",
            "inventing_ids_earns_nothing",
            "all_callers_together",
            "after_the_hint_there_is_a_token",
        ),
        resilience__test_overload=(
            "bounds_are_exact_for_many_callers",
            "a_newcomer_takes_the_place_of_who_has_most",
            "without_a_rate_limit_the_queue_alone_lets_others_through",
            "who_reads_no_replies_costs_bounded_memory",
        ),
    ),
    # Security
    _done(
        "F1",
        "Who calls is told by the DDS participant of the connection, never by what the request says: nobody speaks for an"
        " agent of another process, and an agent is itself from its first moment on until it has left.",
        security__test_identity=(
            "a_program_cannot_speak_for_an_agent_of_another_process",
            "an_agent_cannot_speak_for_an_agent_of_another_process",
            "a_connection_in_the_name_of_an_agent_of_another_process",
            "a_policy_knows_an_agent_by_its_connection_only",
            "claiming_an_id_does_not_get_a_program_past_a_policy",
            "an_interface_is_not_an_agent",
            "an_agent_is_known_in_the_first_moment",
            "an_agent_that_joins_at_the_same_time_as_its_callee",
            "both_processes_of_a_rolling_restart_are_the_agent",
            "an_agent_that_finishes_its_work_while_leaving_is_itself",
            "two_processes_that_announce_the_same_agent_execute_each_request_once",
        ),
        bad_input__test_hostile_samples=("replies_of_somebody_else_are_refused",),
    ),
    _done(
        "F2",
        "A policy says who may call whom, which functions and which capabilities; what is denied runs nothing, is a typed"
        " error for the caller and an event for the operator; a file is followed while agents run.",
        security__test_policy=("the_first_rule_that_applies_decides", "everything_that_a_rule_names_has_to_fit"),
        security__test_policy_file=("a_file", "what_is_wrong_is_named_with_its_line"),
        security__test_policy_source=("a_change_is_noticed", "a_file_that_is_gone_leaves_the_policy"),
        security__test_access_policy=(
            "what_is_allowed_is_executed",
            "who_is_not_allowed_gets_a_typed_error_and_runs_nothing",
            "denied_by_function",
            "a_rule_by_capability_follows_what_the_agent_announces",
            "who_announced_nothing",
            "the_operator_is_told",
            "a_policy_file_is_read_again_when_it_changes",
            "a_malformed_policy_file_leaves_the_old_policy_in_force",
            "a_malformed_policy_file_at_the_start_is_a_config_error",
        ),
        cli__test_policy=("check_of_a_policy", "check_of_what_is_none", "explain"),
    ),
    _planned("F3", "DDS Security with tooling for its artefacts."),
    # Voice
    _done(
        "G1",
        "Two voice agents hold a spoken conversation of several turns, each hearing the other's audio through speech"
        " recognition.",
        voice__test_calls=(
            "two_agents_talk_hear_each_other_and_are_recorded",
            "a_wire_that_carries_no_speech_breaks_the_conversation",
            "barging_in_truncates_what_was_said",
        ),
    ),
    _done(
        "G2",
        "Worker processes and an orchestrator for the room.",
        voice__test_calls=("two_agents_talk_hear_each_other_and_are_recorded", "calls_are_steered_on_the_bus"),
        voice__livekit__test_rooms=(
            "two_workers_talk_hear_each_other_and_are_recorded",
            "a_worker_that_does_not_come_is_named",
            "calls_are_steered_on_the_bus",
        ),
    ),
    _done(
        "G3",
        "Audio of both sides and full transcripts, spoken and heard, are captured.",
        voice__test_calls=(
            "two_agents_talk_hear_each_other_and_are_recorded",
            "the_record_says_what_was_spoken_and_what_was_heard",
            "a_side_that_is_killed_ends_the_call_and_the_recording_is_readable",
        ),
    ),
    _done(
        "G4",
        "Customer personas and scenarios as data, in TOML.",
        voice__test_scenario=("at_least_five_scripts_come_with_the_library", "mistakes_have_a_line_and_a_reason"),
        voice__test_calls=("two_agents_talk_hear_each_other_and_are_recorded",),
    ),
    _done(
        "G5",
        "Without a server over DDS, and in a LiveKit room.",
        voice__test_calls=("two_agents_talk_hear_each_other_and_are_recorded",),
        voice__livekit__test_rooms=(
            "two_workers_talk_hear_each_other_and_are_recorded",
            "who_accepts_no_agents_is_mute_among_them",
            "a_line_that_carries_no_speech_breaks_the_conversation",
        ),
        voice__livekit__test_people=("a_person_takes_the_customers_side",),
    ),
    _done(
        "G6",
        "Voice agents are agents of the bus: they call specialists while they talk, and are steered by calls.",
        voice__test_calls=(
            "support_asks_the_weather_agent_while_the_customer_waits",
            "calls_are_steered_on_the_bus",
        ),
    ),
    _done(
        "G7",
        "Quality figures, dispatch retries, clear errors.",
        voice__test_figures=("figures_of_a_call", "word_error_adds_up_over_a_side_and_counts_what_was_never_heard"),
        voice__livekit__test_rooms=(
            "a_dispatch_that_nobody_takes_is_tried_again_and_counted",
            "a_worker_that_is_killed_ends_the_call_and_the_recording_is_readable",
            "a_server_that_is_killed_ends_the_call_and_the_recording_is_readable",
        ),
        voice__livekit__test_command=(
            "variables_that_are_missing_are_named",
            "a_server_that_is_not_there",
            "credentials_that_are_wrong",
        ),
    ),
    # Functions, interfaces, memory
    _planned("H1", "Services with functions of their own; tools in the process."),
    _planned("H2", "Interfaces for people and programs."),
    _planned("H3", "Memory per conversation with a token budget and a persistent backend."),
    # Documentation and tests
    _planned("I1", "API reference, examples that tests execute, diagrams, best practices."),
    _planned("I2", "Unit, integration, performance and resilience tests."),
)
