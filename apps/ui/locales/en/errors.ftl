### Pages that say why there is no other page.

error = Something is wrong
not_found_title = Not found
not_found_text = There is nothing at this address, or it is not yours to see.
forbidden_title = Not allowed
forbidden_text = You may not do this.
csrf_text = This form was not sent from this shop, or it was open for too long. Go back, reload the page and try again.
bad_request_title = Not understood
bad_request_text = The shop did not understand this.
busy_title = Busy right now
busy_text = The shop cannot answer right now. Try again in a moment.
internal_title = Something went wrong on our side
internal_text = We have been told. Try again in a moment.
request_id = Request
try_again = Try again
