### Messages between services.

messages = Messages
messages_text = Services tell one another what happened by messages. A message that cannot be delivered is tried again, ever more slowly, and is given up at last; then it waits here for somebody.
by_service = By service
service = Service
all_services = All services
pending = Waiting
delayed = Timers
dead = Given up
done = Done
undecided = Undecided
pending_text = Due, and not delivered yet. They are delivered within moments, or tried again after an error.
delayed_text = What will happen by itself later, such as closing an order that was not paid.
dead_text = Tried too often without success, or refused for good. Mend the cause, then try again.
oldest = Oldest waiting
none_pending = Nothing waits.
none_delayed = No timer runs.
none_dead = Nothing was given up. All is well.
topic = Topic
about = About
attempts = Attempts
next_try = Next try
due_at = Due
dead_since = Given up
done_since = Done
since = Since
error = Last error
filter = Show
sent_at = Sent
state = State
request = Request
place = Cell
message_title = Message
payload = What it says
payload_hidden = What it says may be personal. Those who may change messages see it.
retry = Try again
retry_text = As if it had never been tried. Later messages about the same thing go on once it is delivered.
retry_all = Try all again
retry_these = Try these again
retry_question = Try all of these again?
discard = Drop this message
discard_text = What it was to bring about will not happen, and nobody can take that back. Later messages about the same thing go on.
discard_question = Drop this message for good?
reason = Reason
reason_hint = Kept with the message and in the log.
reason_missing = Say why, in up to 200 characters.
retried_one = It is tried again.
dropped_one = It was dropped.
not_possible = This is not possible any more
retried_now = { $n ->
    [0] There was nothing to try again.
    [one] { $n } message is tried again.
   *[other] { $n } messages are tried again.
}
