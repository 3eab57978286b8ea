"""Names of runs: one for machines, one that a person can say.

Pure but for chance.
"""

from __future__ import annotations

import secrets
from typing import Final

_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to mistake
_LENGTH: Final = 13  # times 5 bits are 65: among a billion runs two alike are as likely as 1 in 70

_ADJECTIVES: Final = (
    "able agile airy amber ample apt azure basic bold brave brief bright brisk calm candid clean clear clever cosy crisp "
    "curious daring deep deft eager early easy even exact fair fast fine firm fleet fond frank free fresh gentle glad "
    "golden good grand green happy hardy honest humble icy jolly keen kind large late light lively local loud loyal lucky "
    "lunar mellow merry mild misty modest neat new nimble noble novel open patient plain polite prime proud pure quick "
    "quiet rapid rare ready rich robust round royal rural sharp shy silent silver simple sleek slow smart smooth snowy "
    "sober soft solar solid sound spare steady still strong subtle sunny sure sweet swift tall tame tidy tiny tough true "
    "upbeat urban valid vast vivid warm wide wild windy wise witty young zesty"
).split(" ")
_NOUNS: Final = (
    "acorn alder anchor apple arrow aspen badger bamboo basil bay beacon bear beaver birch bison brook canyon cedar cherry "
    "cliff cloud clover comet coral cove crane creek crow dawn deer delta dew dolphin dove dune eagle elm ember falcon "
    "fern field finch fjord flint forest fox frost garden geyser glacier grove gull harbor hare hawk hazel heron hill "
    "island ivy jasmine jay juniper kite lagoon lake lark leaf lemon lily linden lotus lynx maple marsh meadow mesa mint "
    "moon moose moss mountain nectar nest oak oasis ocean olive onyx orbit orchid otter owl palm panda pearl pebble "
    "pine planet plum pond poplar prairie quail quartz rain raven reef ridge river robin rose sage sail seal shell shore "
    "sky snow sparrow spring spruce star stone storm stream summit swan thistle thunder tide tiger trail tulip valley "
    "violet walnut wave willow wind wolf wren zephyr"
).split(" ")


def draw_run_id() -> str:
    """Draw a run_id: ``r`` and 13 digits of base 32, which no spreadsheet reads as a number or date."""
    return "r" + "".join(secrets.choice(_DIGITS) for _ in range(_LENGTH))


def draw_name() -> str:
    """Draw a name like ``calm-otter-42``. Two runs may have the same one."""
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{secrets.randbelow(999) + 1}"
