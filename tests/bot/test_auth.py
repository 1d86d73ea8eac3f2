"""smoke"""
async def test_a(bot, world):
    """x"""
    a = await bot.post(world.message(), token=world.token())
    print(a, world.connector.calls, world.authority.calls, world.key_server.fetches)
    assert a.status == 201
    assert len(world.connector.calls) == 1
    a = await bot.post(world.invoke(), token=world.token())
    assert a.status == 200; print(a)
async def test_b(start_bot, world):
    """x"""
    async with start_bot() as bot:
        a = await bot.post(world.message(), token=world.token())
        assert world.authority.token_calls == 1
