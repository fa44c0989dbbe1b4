### Flows: what an order can go through.

flows = Flows
flows_text = A flow says which statuses an order goes through, who may move it on, and what happens by itself. A published version never changes: new orders take the newest one, running ones keep theirs.
of_order = Orders
of_after_sale = After-sale cases
version = Version
versions_text = Versions
active = active
published_at = Published
running = Running orders
nothing_runs = none
edit = Edit
compare = Compare
cancel = Back without publishing
draft = Draft
flow_version = Version { $n }
version_no = version { $n }
orders_here = { $n ->
    [one] { $n } order
   *[other] { $n } orders
}
weeks = { $n ->
    [one] { $n } week
   *[other] { $n } weeks
}
days = { $n ->
    [one] { $n } day
   *[other] { $n } days
}
hours = { $n ->
    [one] { $n } hour
   *[other] { $n } hours
}
minutes = { $n ->
    [one] { $n } minute
   *[other] { $n } minutes
}
seconds = { $n ->
    [one] { $n } second
   *[other] { $n } seconds
}
diagram_title = Diagram: { $flow }
diagram_description = Boxes are statuses, arrows are moves from one to another. The tables below say the same in words.
what_it_shows = What the signs mean
statuses = Statuses
status = Status
note = Note
moves = Moves
from = From
operation = Operation
to = To
by_whom = By whom
condition = Only if
effects = Brings about
after = By itself after
buyer = Buyer
staff = Staff
platform = Platform
initial_mark = begins here
final_mark = ends here
by_people = by people, too
by_itself = by the platform only
timer = happens by itself after a time
source = As JSON
too_large_to_draw = This flow is too large to be drawn. The tables below show all of it.
differences = Differences
differences_to = Differences to version { $n }
no_differences = Both versions say the same.
lines_changed = Lines: { $gone } gone, { $new } new
line_old = Old line
line_new = New line
only_old = Gone
only_new = New
compare_with = Compare with version { $n }
published_now = Version { $n } is published. New orders take it from now on.
stay_behind = { $n ->
    [0] No running order is on an earlier version.
    [one] { $n } running order stays on an earlier version.
   *[other] { $n } running orders stay on earlier versions.
}
edit_text = Change the document, check it, look at what differs, publish it. Nothing changes before you publish, and running orders keep the version they began with.
begun_with = This began with version { $n }.
document = Document (JSON)
check = Check
show_differences = Show differences
publish = Publish
publish_question = Publish this version? New orders take it at once. A published version stays.
problems = This cannot be published yet
problems_text = Nothing was published. What is wrong, and where:
at_place = Line { $line }, column { $column }
is_fine = The document is valid. It would become version { $n }.
is_fine_nothing_new = The document is valid and says the same as the active version.
unchanged = Nothing differs from the active version, so nothing was published.
preview = How it would look
empty_document = The document is empty.
newer = Version { $n } was published while you were editing.
newer_text = Nothing was published. Below is what differs between that version and yours; publishing now replaces it for new orders.
wrong_flow = This page publishes another flow; the code must stay as it is.
version_is_given = The version is given when it is published: leave it out, or write { $n }.
