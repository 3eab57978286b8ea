"""Names that a person can say. A run's identity is its run_id (`ids`); a name is for talking about it."""

from __future__ import annotations

import os
from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ADJECTIVES: Final = _words(
    """
    able agile airy amber ample apt azure basic bold brave brief bright brisk calm candid clean clear clever cosy
    crisp curious daring deep deft eager early easy even exact fair fast fine firm fleet fond frank free fresh
    gentle glad golden good grand green happy hardy honest humble icy jolly keen kind large late light lively
    local loud loyal lucky lunar mellow merry mild misty modest neat new nimble noble novel open patient plain
    polite prime proud pure quick quiet rapid rare ready rich robust round royal rural sharp shy silent silver
    simple sleek slow smart smooth snowy sober soft solar solid sound spare steady still strong subtle sunny sure
    sweet swift tall tame tidy tiny tough true upbeat urban valid vast vivid warm wide wild windy wise witty young
    zesty
    """
)
_NOUNS: Final = _words(
    """
    acorn alder anchor apple arrow aspen badger bamboo basil bay beacon bear beaver birch bison brook canyon cedar
    cherry cliff cloud clover comet coral cove crane creek crow dawn deer delta dew dolphin dove dune eagle elm
    ember falcon fern field finch fjord flint forest fox frost garden geyser glacier grove gull harbor hare hawk
    hazel heron hill island ivy jasmine jay juniper kite lagoon lake lark leaf lemon lily linden lotus lynx maple
    marsh meadow mesa mint moon moose moss mountain nectar nest oak oasis ocean olive onyx orbit orchid otter owl
    palm panda pearl pebble pine planet plum pond poplar prairie quail quartz rain raven reef ridge river robin
    rose sage sail seal shell shore sky snow sparrow spring spruce star stone storm stream summit swan thistle
    thunder tide tiger trail tulip valley violet walnut wave willow wind wolf wren zephyr
    """
)


def draw_name() -> str:
    """Draw a name like ``calm-otter-42``. Two runs may have the same one."""
    drawn = int.from_bytes(os.urandom(8), "big")  # so much more than the words that the remainders are even
    drawn, number = divmod(drawn, 999)
    drawn, noun = divmod(drawn, len(_NOUNS))
    return f"{_ADJECTIVES[drawn % len(_ADJECTIVES)]}-{_NOUNS[noun]}-{number + 1}"
