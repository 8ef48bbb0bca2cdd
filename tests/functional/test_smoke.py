from tests.support.world import World


def test_a_text_to_two_numbers_is_queued_twice(world: World) -> None:
    world.channel()
    world.numbers()
    anna = world.account(world.tenant(), "anna@kommun.example")
    assert world.words(anna, ["0701740605", "+46701740606"]) == ["QUEUED", "QUEUED"]
    assert world.value("SELECT count(*) FROM dispatch_queue") == 2
