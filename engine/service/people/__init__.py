"""People: users with passwords and roles, their sessions, and the record of what was done to them.

records    a user, a session, a role, a refusal: what is stored and said
passwords  hashing (Argon2id), what a good password is, temporary ones
attempts   how often somebody may try to sign in
book       `People`: all of it, kept in the log's server beside the API keys
first      the first admin, by a one-time code, where nobody is there yet
"""
