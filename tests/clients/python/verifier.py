"""PyJWT as an API that keeps the JWKS, by a clock that the test moves (`tests/it/rotations.rs`).

Each line on standard input is a JSON object with the time `now`, the `jwks` URL of the node that is asked if one must
be, `issuer`, `audience` and a `token`; each line on standard output says `good`, or why not.
"""

import json
import sys
import time

import jwt

MAX_AGE = 300

now = 0
time.monotonic = lambda: now

# With a cooldown as long as the cache it never looks early: a copy that does not know a key is a failure.
keys = jwt.PyJWKClient("http://127.0.0.1", lifespan=MAX_AGE, cooldown_duration=MAX_AGE)

for line in sys.stdin:
    question = json.loads(line)
    now, keys.uri, token = question["now"], question["jwks"], question["token"]
    try:
        jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            issuer=question["issuer"],
            audience=question["audience"],
            leeway=time.time() - now,  # what lies between the two clocks
            options={"verify_iat": False},
        )
        print("good", flush=True)
    except Exception as error:
        print(f"{type(error).__name__}: {error}".replace("\n", " "), flush=True)
