"""Every bound of dibs: its name, its unit, and how the bounds relate.

A limit that is reached gives a code (see `outcomes.Code`), never a crash. Units stand last in
the name; the assertions below hold the relations that other files rely on.
"""

# Words from outside: opaque strings, bounded in characters. A character takes up to four bytes of
# UTF-8, and the log stores a string's length in two.
ID_CHARS_MAX = 128
TITLE_CHARS_MAX = 512
TEXT_CHARS_MAX = 512
REASON_CHARS_MAX = 64

# Quantities. One line holds at most a billion units; a bucket stays exact in a JSON number.
QUANTITY_MAX = 1_000_000_000
BUCKET_UNITS_MAX = 2**53 - 1
SEQ_MAX = 2**53 - 1
PRICE_MINOR_MAX = 10**15
WEIGHT_G_MAX = 1_000_000_000

# Shape of one command.
ORDER_LINES_MAX = 10_000
DOCUMENT_LINES_MAX = 1_000
BATCH_ORDERS_MAX = 1_000
BUNDLE_COMPONENTS_MAX = 100
BUNDLE_DEPTH_MAX = 4
EXPANDED_LINES_MAX = 10_000
TAKES_PER_LINE_MAX = 60_000
JSON_DEPTH_MAX = 32
CHANNEL_BUFFERS_MAX = 100
HOLDS_MAX = 32  # live ones of one order
UNKNOWN_SKU_ORDERS_MAX = 1_000  # held for one SKU: all go on in one step
DUPLICATES_MAX = 100  # orders that may be the same, looked at when one of them is cancelled
EARLY_FACTS_OF_ORDER_MAX = 32  # told before it came
VALIDATION_RULES_MAX = 16  # of one channel
EDIT_LINES_MAX = 1_000  # of one edit or split
ORDER_PRIORITY_MAX = 9
LOCK_HOURS_MAX = 8_760  # a year, in which orders that are due keep their units
REALLOCATION_SCAN_MAX = 65_536  # newest orders that are looked at for one reallocation
REALLOCATION_GIVERS_MAX = 256  # orders that may give units to one
CAPACITY_SCAN_MAX = 65_536  # newest orders that are looked at when a day's capacity is lowered
CAPACITY_ORDERS_MAX = 1_024  # that count on that day, of which some go elsewhere
CAPACITY_LOOKS_MAX = 64  # of these that are routed again in one step
PROMISE_ORDERS_MAX = 100_000  # that wait for a SKU, for a date to be given
FILLS_PER_BATCH_MAX = 512  # waiting orders looked at in one batch, because stock has come
LOOK_AGAIN_US = 3_600 * 1_000_000  # at what a routing policy may not have allowed before
ORDER_NOTES_MAX = 1_000  # of one order, over its whole life
ORDER_TRAIL_BYTES_MAX = 1 << 20  # of one order's cancellations and shipments, kept for its timeline
FULFILLMENTS_MAX = 1_023  # of one order, over its whole life
WAVE_ORDERS_MAX = 100
WAVE_LOOKS_MAX = 1_000  # orders of which one wave reads all, for those it takes
WAVE_SCAN_MAX = 100_000  # orders that one wave passes
WAVES_KEPT_MAX = 10_000  # the last ones: later, their ids are new again
FULFILLMENT_STEPS_KEPT = 8  # notes that an open fulfillment is sure to get
SHORT_LINES_MAX = DOCUMENT_LINES_MAX
PACKAGES_MAX = 100  # told at once
PACKAGE_LINES_MAX = 1_000
CHANNEL_NAMES_MAX = 1_000  # SKUs or locations named by one rule
AVAILABILITY_SKUS_MAX = 1_000  # of one question

# Routing: beyond this many candidates, or this much work, the search is greedy, not exact.
ROUTE_EXACT_LOCATIONS_MAX = 12
ROUTE_EXACT_WORK_MAX = 1 << 17
ROUTE_OFFERS_MAX = 1 << 20  # positions that one order may choose from

# Routing by cost: steps of one search with few and with many candidates, halvings within each
# other, and what keeps sums within 63 bits. A mill is a thousandth of the minor unit.
ROUTE_EXACT_NODES_MAX = 1 << 15
ROUTE_BOUNDED_NODES_MAX = 1 << 11
ROUTE_DEPTH_MAX = 64
ROUTE_PIECES_MAX = 64  # bands of a tariff, repeated over packages, that a lower line looks at
ROUTE_UNITS_MAX = 10**9
ROUTE_GRAMS_MAX = 10**11
ROUTE_SLOPE_MILLS_MAX = 10**6  # for a gram
ROUTE_CHARGE_MINOR_MAX = 10**9  # one charge of a policy
RATE_BANDS_MAX = 64
TRANSIT_DAYS_MAX = 365
ZONES_MAX = 10_000
LANES_MAX = 100_000
ROUTING_POLICIES_MAX = 1_000
SCARCITY_MILLS_MAX = 10**12  # for a unit
DEMAND_ORDERS_MAX = 200_000  # newest ones that a forecast looks at
SCARCITY_SKUS_MAX = 10_000  # priced in one pass, those that are wanted most
SCARCITY_PLACES_MAX = 64  # locations of one SKU, those with most stock
SCARCITY_ZONES_MAX = 1_000  # destinations of one SKU, those that want most
SCARCITY_DRAWS = 20  # of the demand that is to come, solved exactly
SCARCITY_PLAYED = 100  # draws that are played through
SCARCITY_PLAYED_UNITS_MAX = 2_000  # to come of one SKU; with more, only solved
SCARCITY_UNITS_MAX = 100_000  # to come of one SKU; more count as so many
SCARCITY_CHANGE_PERCENT = 2  # of the mean cost of a unit: smaller changes are not put
SCARCITY_PASS_S_MIN = 1.0  # between two passes
ROUTE_SITES_BYTES_MAX = 8 << 20  # of what locations cost orders, kept by channel and zone
ROUTE_EXCLUDED_MAX = 32  # locations shut out that a receipt names
ROUTE_COST_MILLS_MAX = 1 << 60  # if every candidate were used and every unit cost the most

# Time. A reservation lives from one second to a day; the timing wheel covers more than that.
RESERVATION_TTL_S_MIN = 1
RESERVATION_TTL_S_MAX = 86_400
STAMP_US_MAX = 250_000_000_000_000_000  # in the year 9892: dates stay printable
EXPIRES_US_MAX = STAMP_US_MAX + RESERVATION_TTL_S_MAX * 1_000_000
HOLD_MINUTES_MAX = 366 * 24 * 60
ACCEPT_MINUTES_MAX = 31 * 24 * 60
TIMERS_PER_TICK_MAX = 16  # of orders
TIMERS_PLACES_PER_TICK = 1_000  # locations that may be looked at for them, to route anew
TIMERS_POLICY_WEIGHT = 8  # a location that a policy looks at is as much work as so many others
WHEEL_TICK_US = 100_000
WHEEL_SLOTS = 1 << 20
EXPIRIES_PER_TICK_MAX = 4_096
IDEMPOTENCY_RETENTION_US = 7 * 86_400 * 1_000_000
CLOSED_ORDER_RETENTION_US = 90 * 86_400 * 1_000_000
EARLY_FACTS_KEPT_US = 7 * 86_400 * 1_000_000
EVICTIONS_PER_FRAME_MAX = 1_024

# Tables of the ledger. A full table refuses with `table_full`.
SKUS_MAX = 4_000_000
LOCATIONS_MAX = 10_000
CHANNELS_MAX = 10_000
FENCES_MAX = 100_000
FENCES_PER_SKU_MAX = 64  # that have not ended
EARLY_FACTS_MAX = 100_000  # orders that something is known of before they come
PURCHASE_ORDERS_MAX = 1_000_000
POSITIONS_MAX = 50_000_000
RESERVATIONS_MAX = 10_000_000
ORDERS_MAX = 50_000_000
DOCUMENTS_MAX = 10_000_000

# The log. One frame is one stream entry.
FRAME_VERSION = 1
FRAME_EVENTS_MAX = 65_536
FRAME_BODY_BYTES_TARGET = 1 << 20
FRAME_BODY_BYTES_MAX = 64 << 20
EVENT_BYTES_MAX = 16 << 20
SEGMENT_BYTES_TARGET = 64 << 20
SNAPSHOTS_KEPT = 3
READ_ENTRIES_MAX = 1_024
READ_BYTES_TARGET = 8 << 20
STORE_TIMEOUT_S = 30.0

# The bundled server. A longer log takes longer to load; a unix socket's path has to be short.
SERVER_MEMORY_BYTES = 2 << 30
SERVER_MEMORY_MIB_MIN = 64
SERVER_START_TIMEOUT_S = 15.0
SERVER_LOAD_BYTES_PER_S_MIN = 10 << 20
SERVER_STOP_TIMEOUT_S = 10.0
SOCKET_PATH_BYTES_MAX = 100

# The loop. Commands that wait for a batch, and how long an answer may take.
QUEUE_COMMANDS_MAX = 65_536
QUEUE_READS_MAX = 65_536
BATCH_COMMANDS_MAX = 4_096
APPEND_TIMEOUT_S = 10.0
ROUNDS_UNDER_WAY_MAX = 2
AWAKE_COMMANDS_MIN = 16  # waiting for the log, for the writer not to sleep
AWAKE_S_MAX = 0.002  # for one frame
ANSWER_TIMEOUT_S = 30.0
RECONNECT_DELAY_S_MAX = 2.0
DOUBT_PATIENCE_S = 2.0
GC_LOOK_S = 1.0
GC_RETRY_S = 0.005  # while a pass is due and the process does not rest
GC_PATIENCE_S = 5.0
GC_YOUNG_OBJECTS = 10_000  # containers made and not freed since the last pass
GC_YOUNG_OBJECTS_MAX = 50_000  # then at once, in the middle of whatever is done
GC_OFFICE_OBJECTS_MAX = 2_000  # where each call leaves cycles behind, as HTTP clients do
GC_MIDDLE_PASSES = 20  # young ones
GC_FULL_EVERY_S = 300.0
GC_FULL_SHARE_MAX = 0.0001  # of the time
MARK_EVERY_S = 1.0

# The packed socket, for services on the same host.
SOCKET_REQUESTS_MAX = 16_384  # of one connection, not answered yet; over it reading stops
SOCKET_CONNECTIONS_MAX = 256

# Fronts: HTTP processes of their own beside the writer's.
FRONTS_MAX = 64
FRONT_REQUESTS_MAX = SOCKET_REQUESTS_MAX  # of one front, not answered yet
FRONT_UNSENT_BYTES_MAX = 64 << 20  # of packed requests that the writer has not read
FRONT_RECONNECT_S = 0.05
FRONT_RESTART_S_MIN = 0.2  # doubled after each death until it lives as long as the longest
FRONT_RESTART_S_MAX = 5.0
FRONT_REPORT_S = 1.0
FRONT_PORT_TIMEOUT_S = 5.0  # for fronts of a dead writer to let go of the port
RELAY_SPARE_MAX = 256  # connections to the writer's HTTP server that a front keeps unused
RELAY_SPARE_S = 30.0
RELAY_UNREAD_BYTES_MAX = 256 << 10  # of one answer that its caller has not read

# The front, enforced below ASGI.
HEADER_BYTES_MAX = 16 << 10
BODY_BYTES_MAX = 8 << 20
LANE_BODY_BYTES_MAX = 128 << 10  # a longer one comes in several reads anyway
HEADER_TIMEOUT_S = 10.0
BODY_TIMEOUT_S = 30.0
IDLE_TIMEOUT_S = 75.0
CONNECTIONS_MAX = 10_000
PAGE_ROWS_MAX = 500
PAGE_ROWS_DEFAULT = 50
STREAM_SUBSCRIBERS_MAX = 1_000
STREAM_BUFFER_CHANGES_MAX = 10_000
STREAM_HEARTBEAT_S = 15.0
STATES_EVERY_MS_MIN = 50  # between two tellings of stock states to one follower
STATES_EVERY_MS_MAX = 10_000
STATES_SKUS_MAX = 100  # of one follower
STATES_READ_SKUS_MAX = 200  # of one read, which holds up the writer
STATES_TOLD_MAX = 16  # followers told in one turn of the event loop
STATES_PAUSE_S = 0.001  # for orders, between two such turns
ORDER_STREAMS_MAX = 256
ORDER_STREAM_PARCELS_MAX = 2  # of one stream: one is decided while the next is read
ORDER_STREAM_ORDERS_MAX = ORDER_STREAM_PARCELS_MAX * BATCH_ORDERS_MAX  # undecided or unsent
ORDER_STREAM_IDLE_S = 75.0
ORDER_STREAM_RETRY_S = 0.01  # until the queue of commands is looked at again
KEY_REFRESH_S = 1.0
KEYS_MAX = 10_000
JSON_FIELDS_MAX = 64
IDEMPOTENCY_KEY_CHARS_MAX = 128
WRITE_TIMEOUT_S = 30.0
LINGER_TIMEOUT_S = 1.0
GUARD_TICK_S = 0.25
STREAM_FIRST_S = 0.25
SHUTDOWN_TIMEOUT_S = 10
OVERVIEW_SKUS_MAX = STATES_READ_SKUS_MAX
OVERVIEW_ORDERS = 12
OVERVIEW_EVERY_S = 1.0

# The live channel. One round reads what tabs look at, once for all of them, and tells each tab what
# has changed for it; what a round has no room for is read by the next.
LIVE_TABS_MAX = 1_000
LIVE_EVERY_S = 0.2
LIVE_AT_ONCE_S = 0.03  # from a round to the next where a new tab waits
LIVE_SKUS_MAX = 100  # of one tab
LIVE_ROWS = 100  # the newest orders of a filter
LIVE_GONE_MAX = 200  # orders that a queue remembers as gone; before that it is told anew
LIVE_SKUS_READ_MAX = 2_000  # by one round
LIVE_QUEUES_READ_MAX = 16
LIVE_ORDERS_READ_MAX = 256
LIVE_READ_SHARE_MAX = 0.05  # of the time, for the newest orders of one filter
LIVE_ORDERS_TOGETHER = 32  # of one turn of the event loop
LIVE_BYTES_PER_S = 256 << 10  # told to one tab; who is told more waits for its next
LIVE_HEARTBEAT_S = 2.0

# The worker. How often it writes a snapshot, and how many it keeps.
SNAPSHOT_EVERY_EVENTS = 500_000
SNAPSHOT_EVERY_S = 300.0
REWRITE_CHECK_S = 10.0
REWRITE_TIMES = 3  # as large as its content is the file when it is worth writing anew, and so large
REWRITE_BYTES_QUIET = 256 << 20  # at least, while little is written
REWRITE_BYTES_BUSY = 4 << 30
REWRITE_QUIET_BYTES_PER_S = 1 << 20
REWRITE_WAIT_S = 120.0  # by `dibs snapshot`, before it lets go of the server
REWRITE_POLL_S = 0.05

# People: users, their passwords and sessions (`engine.service.people` says whose bounds these are).
USER_CHARS_MAX = 64
USERS_MAX = 1_000
PASSWORD_CHARS_MIN = 15
PASSWORD_CHARS_MAX = 128
PASSWORD_MEMORY_KIB = 19_456
PASSWORD_PASSES = 2
PASSWORD_HASHES_WAITING_MAX = 16  # or other changes of people
TEMPORARY_PASSWORD_S = 72 * 3_600
SESSION_IDLE_S = 3_600
SESSION_S_MAX = 24 * 3_600
SESSION_NOTE_S = 60  # between two times that the last sight of a session is stored
SESSION_LOOK_S = 5.0  # between two looks whether an open stream's session lasts
SESSIONS_OF_USER_MAX = 16
SIGN_IN_TRIES = 5  # of a name from one address; then one more every so often
SIGN_IN_TRIES_ANYWHERE = 30  # of a name
SIGN_IN_RETRY_S = 30
ATTEMPTS_KEPT_MAX = 10_000
ACCESS_ENTRIES_MAX = 100_000

# Read models.
VIEW_POSITIONS_KEPT = 200_000  # in memory, between two transactions
VIEW_EVENTS_MAX = 32_768  # of one transaction, unless one frame has more
VIEW_LINE_MINOR_MAX = 1 << 43  # a line of a higher price counts as 0 in amounts: 63 bits hold all
VIEW_FINDS_MAX = 2_000  # newest terms that a search looks at
VIEW_READ_S_MAX = 5.0  # of one question
VIEW_READS_MAX = 64  # under way or waiting, of one process
VIEW_READERS = 2  # threads of one process
VIEW_TIMELINE_MAX = 2_000  # rows of one order's page
VIEW_KPIS_MAX = 10_000  # rows of one answer
VIEW_EXPORT_ROWS_MAX = 1_000_000  # orders of one file of spreadsheets
VIEW_EXPORT_PAGE_ROWS = 2_000  # read and written together
VIEW_EXPORTS_MAX = 4  # under way, of one process
VIEW_WORDS_MIN = 3  # characters of a search; a shorter one is an order's id

# Replay of order files.
REPLAY_ROW_BYTES_MAX = 1 << 16
REPLAY_FAULTS_KEPT_MAX = 1_000
REPLAY_LOCATIONS_MAX = 1_000
REPLAY_CONNECTIONS_MAX = 4_096
REPLAY_ATTEMPTS_MAX = 30
REPLAY_RETRY_DELAY_S_MAX = 5.0
REPLAY_ANSWER_TIMEOUT_S = ANSWER_TIMEOUT_S + 5.0
REPLAY_ORDERS_CHECKED_MAX = 200_000

# Streams for other services.
STOCK_STREAM_ENTRIES_MAX = 1_000_000

assert 4 * max(ID_CHARS_MAX, TITLE_CHARS_MAX, TEXT_CHARS_MAX, REASON_CHARS_MAX) < 2**16
assert QUANTITY_MAX < 2**32 and QUANTITY_MAX * ORDER_LINES_MAX < 2**53
assert WHEEL_TICK_US * WHEEL_SLOTS > (RESERVATION_TTL_S_MAX + 60) * 1_000_000
assert RESERVATION_TTL_S_MAX * 1_000_000 < IDEMPOTENCY_RETENTION_US
assert HOLDS_MAX < ORDER_NOTES_MAX
assert TAKES_PER_LINE_MAX < 2**16 and ORDER_LINES_MAX < 2**16
assert FRAME_BODY_BYTES_TARGET < EVENT_BYTES_MAX < FRAME_BODY_BYTES_MAX
assert ORDER_STREAM_IDLE_S > ANSWER_TIMEOUT_S
assert STATES_SKUS_MAX <= STATES_READ_SKUS_MAX and STATES_EVERY_MS_MAX < STREAM_HEARTBEAT_S * 1_000
assert GC_RETRY_S < GC_LOOK_S < GC_PATIENCE_S and GC_YOUNG_OBJECTS < GC_YOUNG_OBJECTS_MAX
assert RELAY_SPARE_S < IDLE_TIMEOUT_S
assert LOCATIONS_MAX < 2**32 and SKUS_MAX < 2**32 and POSITIONS_MAX < 2**32
assert ROUTE_GRAMS_MAX * ROUTE_SLOPE_MILLS_MAX < ROUTE_COST_MILLS_MAX < 2**61
assert 8 * (ROUTE_OFFERS_MAX + EXPANDED_LINES_MAX) + ORDER_LINES_MAX * 640 < EVENT_BYTES_MAX

# Sync with channels.
CALL_ATTEMPTS = 6  # of a call that may succeed when it is tried again
CALL_RETRIES_S = 120.0
CALL_BACKOFF_S = 10.0  # at most, between two tries
CALL_WAIT_S_MAX = 60.0  # that a channel may have us wait within one call
CALL_REFUSED_S = 1.0  # after a refusal for our pace that does not say how long
CALL_RETRY_AFTER_S_MAX = 172_800.0  # more than that is no answer
CALL_TIMEOUT_S = 30.0
CALL_ARRIVES_S = 2.0  # until a call that is on its way has surely reached its channel
CALL_SPARE = 0.25  # of a quota's burst, left to others by calls that can wait
QUOTA_PACE_MAX = 1_000.0  # times the least quota of a channel
CALL_PROBLEM_CHARS_MAX = 500
BREAKER_FAILURES = 8  # in a row, and the account is left alone
BREAKER_S = 5.0  # for so long, then twice that, and so on
BREAKER_S_MAX = 300.0
SYNC_MET_S = 30 * 86_400
SYNC_VERSION_S = 90 * 86_400
SYNC_INBOX_MAX = 200_000  # deliveries of an account that wait
SYNC_DEAD_MAX = 100_000
SYNC_CONNECTIONS_MAX = 32  # to the log's server
SYNC_PARALLEL = 32  # documents of an account that are applied at once
SYNC_READ = 200  # deliveries of an account in hand at once
HOOK_BYTES_MAX = 2 << 20
ASKED_ROWS_MAX = 500  # that a channel asks for at once: 50 SKUs at 10 locations
ASKED_S = 0.4  # until a channel that asks is told that there is no answer; eBay waits 0.5
SWEEP_S = 60.0  # between two looks at what changed
SWEEP_S_MIN, SWEEP_S_MAX = 0.2, 86_400.0  # that an account may ask for
SWEEP_OVERLAP_S = 300.0  # a window begins before the last one ended
SWEEP_SHALLOW_S = 10.0  # and where orders are scanned, only so long before, most of the time
SWEEP_SIGNS = 250  # orders of a scan whose marks are looked for at once
SWEEP_MARK_S = 3_600  # after which it is forgotten how an order was seen; it is read again then
SWEEP_FIRST_S = 14 * 86_400  # how far back the first one goes
LISTEN_REST_S = 1.0  # after a queue of pushes could not be heard
PUBLISH_COALESCE_S = 0.02  # changes of so long become one call
PUBLISH_REFUSED_S = 300.0  # a listing rests that its channel does not take
PUBLISH_SWEEP_S = 60.0  # between two looks at every listing, of an account that has not very many
PUBLISH_SWEEP_ROWS_S = 2_000  # listings a second that are looked at so, of one that has
REVISIONS_SPREAD_S = 3_600.0  # in which a listing is to get along with the changes it may have
REVISIONS_PAUSE_S = 1.0  # after which one that waits for its turn is looked at again
PUBLISH_COMPANIONS = 8  # ways tried to say it otherwise, where the same may not be said again
STANDING_LOOK_S = 5.0  # between two looks at how many orders the seller cancels, or ships late
STANDING_NEAR = 0.8  # of the share that a channel allows
STANDING_ORDERS_MIN = 20  # of fewer orders, or parcels, a share says nothing
STANDING_AHEAD_S = 7_200.0  # an open order that is due within so long is taken to be late
STANDING_OPEN_MAX = 2_000  # open orders of each status, the oldest, looked at for those due
STANDING_GUARD_UNITS = 2  # not shown while cancellations are near what is allowed
BULK_LOOK_S = 1.0  # between two looks whether enough waits for a bulk delivery
BULK_UNDER_WAY_MAX = 16  # deliveries of an account that are not worked off
BULK_LOST_S = 900.0  # after which a delivery that may have been handed in is surely worked off
OFFICE_STOP_S = 10.0  # to end what is begun; it is repeated after the next start else
POLL_FIRST_S = 0.05  # until a channel is asked whether it has done what it took in, then twice that
POLL_S_MAX = 5.0
POLL_GIVE_UP_S = 120.0
PACKAGES_RETRY_S = 1.0  # until an order is looked at again that its channel is splitting
DROP_BYTES_MAX = 50 << 20  # of a file in a folder shared with a partner
DROP_ROWS_MAX = 200_000
AUDIT_S = 21_600.0  # in which every listing is read back once
AUDIT_S_MIN, AUDIT_S_MAX = 1.0, 2_592_000.0  # that an account may ask for
AUDIT_CONFIRM_S = 30.0  # after a sweep, until the second look at what differs
AUDIT_SWEEPS = 10  # sweeps' times after which nobody waits for one any more
ACCOUNTS_LOOK_S = 2.0  # between two looks at which accounts there are
STATUS_S = 1.0  # between two notes of how each account is doing
STATUS_OLD_S = 10.0  # a note older than that says that nobody works
STATUS_BEHIND_S = 60.0  # a document or a listing that waits longer is late
LATE_ROWS_MAX = 1_000  # listings of an account that are noted as late, the latest first
LAG_MINUTES = 30  # of which the lags are shown
LAG_SAMPLES_MAX = 2_000  # of one minute that are kept
LETTERS_PAGE_MAX = 100
LETTERS_PAGE_BYTES = 4 << 20  # no further document is read for a page that has so much
LETTER_CHARS_MAX = 16_384  # of a dead letter's document that are shown
OUTBOX_IDLE_S = 0.2
HANDOFF_IDLE_S = 1.0  # between two looks at a work list that had nothing new
HANDOFF_LOOK_S = 300.0  # between two looks at a work that a provider does
OUTBOX_READ = 500  # rows of the views taken at once
# Webhooks: telling other people's services.
WEBHOOKS_MAX = 100
WEBHOOK_URL_CHARS_MAX = 2_048
WEBHOOK_QUEUE_MAX = 100_000  # messages that wait for one; more, and it is stopped
WEBHOOK_LOG_MAX = 1_000  # tries of one that are kept
WEBHOOK_PARALLEL = 4  # calls of one at once
WEBHOOK_TIMEOUT_S = 15.0
WEBHOOK_LOOKUP_S = 5.0  # for its name
# From a try that failed to the next: about three days in all.
WEBHOOK_RETRIES_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
WEBHOOK_OVERLAP_S = 86_400  # that an old secret also signs, unless said otherwise
WEBHOOK_OVERLAP_S_MAX = 30 * 86_400
