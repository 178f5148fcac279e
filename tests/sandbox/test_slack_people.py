"""People's own verbs: clicks, forms, selects, shortcuts, response URLs and what a person's client shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from slack_bolt.async_app import AsyncApp

from tests.sandbox.slack_rig import BUTTON, MODAL, Rig, bolt, error_of, new_app, rig

SELECT: dict[str, Any] = {
    "type": "input",
    "block_id": "who",
    "label": {"type": "plain_text", "text": "Customer"},
    "element": {"type": "external_select", "action_id": "customer", "min_query_length": 2},
}


@asynccontextmanager
async def desk_with_app(**knobs: Any) -> AsyncIterator[tuple[Rig, AsyncApp, list[dict[str, Any]]]]:
    """A stand-in with a Bolt app that notes every click and form it gets."""
    async with rig(**knobs) as desk:
        app, bodies = new_app(desk), []

        @app.event("message")
        async def on_message() -> None:
            return

        @app.action("take")
        async def on_take(ack: Any, body: dict[str, Any]) -> None:
            bodies.append(body)
            await ack()

        @app.view_closed("form")
        async def on_closed(ack: Any, body: dict[str, Any]) -> None:
            bodies.append(body)
            await ack()

        async with bolt(desk, app):
            yield desk, app, bodies


async def _open(desk: Rig, view: dict[str, Any] = MODAL, person: str = "agent1") -> dict[str, Any]:
    trigger = desk.standin.core.new_trigger(desk.standin.people[person].id)
    opened: dict[str, Any] = (await desk.client.views_open(trigger_id=trigger, view=view))["view"]
    return opened


async def test_a_click_carries_message_place_and_a_trigger() -> None:
    async with desk_with_app() as (desk, _, bodies):
        card = (await desk.client.chat_postMessage(channel=desk.support, text="card", blocks=[BUTTON]))["ts"]
        reply = await desk.standin.act(
            "agent1", "blocks.actions", channel=desk.support, ts=card, action_id="take"
        )
        assert reply["ok"]
        (body,) = bodies
        action = body["actions"][0]
        assert (action["block_id"], action["value"], action["type"]) == ("row", "C42", "button")
        assert body["container"]["message_ts"] == body["message"]["ts"] == card
        assert body["channel"] == {"id": desk.support, "name": "support"}
        assert body["user"]["id"] == desk.standin.people["agent1"].id
        await desk.client.views_open(trigger_id=reply["trigger_id"], view=MODAL)


async def test_only_what_is_on_the_screen_can_be_clicked() -> None:
    async with desk_with_app() as (desk, _, bodies):
        card = (await desk.client.chat_postMessage(channel=desk.support, text="card", blocks=[BUTTON]))["ts"]
        act = desk.standin.act

        async def click(**args: Any) -> str:
            return str((await act("agent1", "blocks.actions", channel=desk.support, **args)).get("error"))

        assert await click(ts=card, action_id="explode") == "action_not_found"
        assert await click(ts=card, action_id="take", block_id="other") == "action_not_found"
        assert await click(ts="1.000001", action_id="take") == "message_not_found"
        hidden = await desk.client.chat_postEphemeral(
            channel=desk.support, user=desk.standin.people["agent2"].id, text="psst", blocks=[BUTTON]
        )
        assert await click(ts=hidden["message_ts"], action_id="take") == "message_not_found"
        view = await _open(desk, person="agent2")
        assert (await act("agent1", "views.submit", view_id=view["id"]))["error"] == "view_not_found"
        assert bodies == []


async def test_response_urls_replace_and_delete_and_wear_out() -> None:
    async with desk_with_app() as (desk, _, bodies):
        agent = desk.standin.people["agent1"]
        hint = await desk.client.chat_postEphemeral(
            channel=desk.support, user=agent.id, text="stayed", blocks=[BUTTON]
        )
        args = {"channel": desk.support, "message_ts": hint["message_ts"], "action_id": "take"}
        assert (await desk.standin.act("agent1", "blocks.actions", **args))["ok"]
        body = bodies[0]
        assert body["container"]["is_ephemeral"]
        assert "message" not in body

        async def respond(**payload: Any) -> tuple[int, str]:
            async with desk.http.post(body["response_url"], json=payload) as response:
                return response.status, await response.text()

        assert await respond(text="done", replace_original=True) == (200, "ok")
        assert [m["text"] for m in agent.ephemerals] == ["done"]
        assert await respond(delete_original=True) == (200, "ok")
        assert list(agent.ephemerals) == []
        assert await respond(text="for all", response_type="in_channel") == (200, "ok")
        assert desk.standin.messages("support")[-1]["text"] == "for all"
        assert await respond(text="for one") == (200, "ok")
        assert [m["text"] for m in agent.ephemerals] == ["for one"]
        await respond(text="five")
        status, text = await respond(text="six")
        assert (status, "used_url" in text) == (404, True)


async def test_a_response_url_dies_after_its_time() -> None:
    async with desk_with_app(response_url_seconds=0.05) as (desk, _, bodies):
        card = (await desk.client.chat_postMessage(channel=desk.support, text="card", blocks=[BUTTON]))["ts"]
        await desk.standin.act("agent1", "blocks.actions", channel=desk.support, ts=card, action_id="take")
        await asyncio.sleep(0.06)
        async with desk.http.post(bodies[0]["response_url"], json={"text": "late"}) as response:
            assert (response.status, "expired_url" in await response.text()) == (404, True)


async def test_an_external_select_asks_the_app() -> None:
    async with desk_with_app() as (desk, app, _):
        asked: list[str] = []

        @app.options("customer")
        async def on_options(ack: Any, body: dict[str, Any]) -> None:
            asked.append(body["value"])
            await ack(options=[{"text": {"type": "plain_text", "text": "C42 Dana"}, "value": "C42"}])

        @app.view("form")
        async def on_form(ack: Any, view: dict[str, Any]) -> None:
            asked.append(view["state"]["values"]["who"]["customer"]["selected_option"]["value"])
            await ack()

        view = await _open(desk, {**MODAL, "blocks": [SELECT]})
        args = {"view_id": view["id"], "action_id": "customer"}
        assert (await desk.standin.act("agent1", "blocks.suggestion", **args, value="d"))["options"] == []
        offered = (await desk.standin.act("agent1", "blocks.suggestion", **args, value="da"))["options"]
        chosen = await desk.standin.act(
            "agent1", "views.submit", view_id=view["id"], values={"who": {"customer": offered[0]}}
        )
        assert chosen["ok"]
        assert asked == ["da", "C42"]


async def test_too_many_or_malformed_options_are_refused() -> None:
    async with desk_with_app() as (desk, app, _):
        option = {"text": {"type": "plain_text", "text": "C42 Dana"}, "value": "C42"}
        offers: list[list[dict[str, Any]]] = [
            [option] * 101,
            [{**option, "value": "v" * 151}],
            [option] * 100,
        ]

        @app.options("customer")
        async def on_options(ack: Any) -> None:
            await ack(options=offers.pop(0))

        view = await _open(desk, {**MODAL, "blocks": [SELECT]})
        args = {"view_id": view["id"], "action_id": "customer", "value": "da"}
        for _ in range(2):
            assert (await desk.standin.act("agent1", "blocks.suggestion", **args))[
                "error"
            ] == "invalid_options"
        assert len((await desk.standin.act("agent1", "blocks.suggestion", **args))["options"]) == 100


async def test_choices_in_a_form_are_remembered() -> None:
    options = [
        {"text": {"type": "plain_text", "text": name}, "value": name.lower()} for name in ("Email", "Site")
    ]
    select = {
        "type": "static_select",
        "action_id": "channel",
        "options": options,
        "initial_option": options[0],
    }
    blocks = [{"type": "actions", "block_id": "pick", "elements": [select]}, *MODAL["blocks"]]
    async with desk_with_app() as (desk, app, _):
        values: list[dict[str, Any]] = []

        @app.action("channel")
        async def on_channel(ack: Any, body: dict[str, Any], client: Any) -> None:
            values.append(body["view"]["state"]["values"])
            await client.views_update(
                view_id=body["view"]["id"], hash=body["view"]["hash"], view={**MODAL, "blocks": blocks}
            )
            await ack()

        view = await _open(desk, {**MODAL, "blocks": blocks})
        args = {"view_id": view["id"], "action_id": "channel", "values": {"text": "half written"}}
        refused = await desk.standin.act("agent1", "blocks.actions", **args, value="Fax")
        assert refused["error"] == "invalid_option"
        assert (await desk.standin.act("agent1", "blocks.actions", **args, value="Site"))["ok"]
        assert values[0]["pick"]["channel"]["selected_option"]["value"] == "site"
        (after,) = (await desk.standin.act("agent1", "client.views"))["views"]
        assert after["state"]["values"]["words"]["text"]["value"] == "half written"
        assert after["state"]["values"]["pick"]["channel"]["selected_option"]["value"] == "site"
        assert after["hash"] != view["hash"]


async def test_an_untouched_input_takes_its_new_first_value() -> None:
    async with rig() as desk:
        view = await _open(desk)
        element = {**MODAL["blocks"][0]["element"], "initial_value": "Dear Dana"}
        filled = {**MODAL, "blocks": [{**MODAL["blocks"][0], "element": element}]}
        updated = (await desk.client.views_update(view_id=view["id"], view=filled))["view"]
        assert updated["state"]["values"]["words"]["text"]["value"] == "Dear Dana"


async def test_a_reply_tells_clients_how_its_parent_counts() -> None:
    async with rig() as desk:
        root = (await desk.client.chat_postMessage(channel=desk.support, text="card"))["ts"]
        reply = (await desk.client.chat_postMessage(channel=desk.support, text="x", thread_ts=root))["ts"]
        await desk.client.chat_delete(channel=desk.support, ts=reply)
        updates = (await desk.standin.act("agent1", "client.updates", since=0))["updates"]
        assert [update.get("parent", {}).get("reply_count") for update in updates] == [None, 1, 0]


async def test_submissions_may_update_push_and_clear() -> None:
    async with desk_with_app() as (desk, app, bodies):
        answers: list[dict[str, Any]] = [
            {
                "response_action": "update",
                "view": {**MODAL, "title": {"type": "plain_text", "text": "Sure?"}},
            },
            {"response_action": "push", "view": {**MODAL, "notify_on_close": True}},
            {"response_action": "clear"},
        ]

        @app.view("form")
        async def on_form(ack: Any) -> None:
            await ack(**answers.pop(0))

        agent = desk.standin.people["agent1"]
        view = await _open(desk)

        async def send(view_id: str) -> Any:
            reply = await desk.standin.act("agent1", "views.submit", view_id=view_id, values={"text": "x"})
            return reply["response_action"]

        assert await send(view["id"]) == "update"
        assert agent.views[0].body["title"]["text"] == "Sure?"
        assert await send(view["id"]) == "push"
        assert len(agent.views) == 2
        below = await desk.standin.act("agent1", "views.submit", view_id=view["id"])
        assert below["error"] == "view_not_found"
        assert await send(agent.views[1].id) == "clear"
        assert agent.views == []
        await desk.standin.wait_for(lambda: bodies)
        assert (bodies[0]["type"], bodies[0]["is_cleared"]) == ("view_closed", True)


async def test_an_unanswered_submission_stays_open() -> None:
    async with desk_with_app(ack_timeout=0.1) as (desk, app, _):

        @app.view("form")
        async def on_form() -> None:
            raise RuntimeError("database is away")

        view = await _open(desk)
        reply = await desk.standin.act("agent1", "views.submit", view_id=view["id"], values={"text": "x"})
        assert reply["error"] == "operation_timeout"
        assert len(desk.standin.people["agent1"].views) == 1


async def test_closing_tells_the_app_only_when_it_asked() -> None:
    async with desk_with_app() as (desk, _, bodies):
        quiet = await _open(desk)
        await desk.standin.act("agent1", "views.close", view_id=quiet["id"])
        told = await _open(desk, {**MODAL, "notify_on_close": True})
        await desk.standin.act("agent1", "views.close", view_id=told["id"])
        await desk.standin.wait_for(lambda: bodies)
        assert [(body["view"]["id"], body["is_cleared"]) for body in bodies] == [(told["id"], False)]


async def test_shortcuts_on_messages_and_everywhere() -> None:
    async with desk_with_app() as (desk, app, _):
        got: list[dict[str, Any]] = []

        @app.shortcut("send_to_customer")
        async def on_shortcut(ack: Any, shortcut: dict[str, Any]) -> None:
            got.append(shortcut)
            await ack()

        ts = (await desk.person("agent1").chat_postMessage(channel=desk.support, text="ship it"))["ts"]
        await desk.standin.act(
            "agent1", "blocks.actions", channel=desk.support, ts=ts, callback_id="send_to_customer"
        )
        await desk.standin.act("agent1", "blocks.actions", callback_id="send_to_customer")
        assert [shortcut["type"] for shortcut in got] == ["message_action", "shortcut"]
        assert got[0]["message"]["text"] == "ship it"
        assert got[0]["channel"]["id"] == desk.support


async def test_home_is_published_to_one_person_and_has_buttons() -> None:
    async with desk_with_app() as (desk, _, bodies):
        agent = desk.standin.people["agent1"]
        published = await desk.client.views_publish(
            user_id=agent.id, view={"type": "home", "blocks": [BUTTON]}
        )
        home = (await desk.standin.act("agent1", "client.home"))["view"]
        assert home["id"] == published["view"]["id"]
        await desk.standin.act("agent1", "blocks.actions", view_id=home["id"], action_id="take")
        assert bodies[0]["view"]["type"] == "home"
        assert (await desk.standin.act("agent2", "client.home"))["view"] is None
        stale = desk.client.views_publish(user_id=agent.id, hash="old", view={"type": "home", "blocks": []})
        assert await error_of(stale) == "hash_conflict"


async def test_a_client_boots_and_then_follows() -> None:
    async with rig() as desk:
        act, support = desk.standin.act, desk.support
        boot = await act("agent1", "client.boot")
        assert boot["self"]["id"] == desk.standin.people["agent1"].id
        assert {channel["name"] for channel in boot["channels"]} == {"support", "press"}
        waiting = asyncio.create_task(act("agent1", "client.updates", since=boot["cursor"], wait=10))
        ts = (await desk.client.chat_postMessage(channel=support, text="card"))["ts"]
        woken = await waiting
        assert [(u["kind"], u["message"]["ts"]) for u in woken["updates"]] == [("message", ts)]
        kim = desk.standin.people["agent1"].id
        await desk.client.chat_update(channel=support, ts=ts, text="card 2")
        await desk.client.reactions_add(channel=support, timestamp=ts, name="eyes")
        await desk.client.chat_postEphemeral(channel=support, user=kim, text="only you")
        dm = (await desk.client.conversations_open(users=kim))["channel"]["id"]
        await desk.client.chat_postMessage(channel=dm, text="reminder")
        await _open(desk)
        await desk.client.views_publish(user_id=kim, view={"type": "home", "blocks": []})
        await desk.client.chat_delete(channel=support, ts=ts)
        mine = (await act("agent1", "client.updates", since=woken["cursor"]))["updates"]
        theirs = (await act("agent2", "client.updates", since=woken["cursor"]))["updates"]
        shared = ["message_changed", "reaction_added", "message_deleted"]
        assert [u["kind"] for u in theirs] == shared
        private = ["ephemeral", "channel", "message", "view_opened", "home"]
        assert [u["kind"] for u in mine] == [*shared[:2], *private, shared[2]]
        assert (await act("agent1", "client.updates", since=10**9))["reset"]


async def test_direct_messages_reach_the_bot() -> None:
    async with rig() as desk:
        kim = desk.person("agent1")
        dm = (await kim.conversations_open(users=desk.standin.workspace.bot.id))["channel"]["id"]
        await kim.chat_postMessage(channel=dm, text="help")
        event = desk.standin.deliveries[-1].event
        assert (event["channel_type"], event["text"]) == ("im", "help")
        assert (
            await error_of(desk.person("agent2").chat_postMessage(channel=dm, text="x"))
            == "channel_not_found"
        )


async def test_response_urls_change_the_message_that_was_clicked() -> None:
    async with desk_with_app() as (desk, _, bodies):
        card = (await desk.client.chat_postMessage(channel=desk.support, text="card", blocks=[BUTTON]))["ts"]
        await desk.standin.act("agent1", "blocks.actions", channel=desk.support, ts=card, action_id="take")
        url = bodies[0]["response_url"]
        async with desk.http.post(
            url, json={"replace_original": True, "text": "Kim took it", "blocks": [BUTTON]}
        ):
            assert desk.standin.messages("support")[0]["text"] == "Kim took it"
        async with desk.http.post(
            url, json={"replace_original": True, "blocks": [{"type": "header"}]}
        ) as response:
            assert (await response.json())["error"] == "invalid_blocks"
        async with desk.http.post(url, json={"delete_original": True}):
            assert desk.standin.messages("support") == []
        async with desk.http.post(url, json={"delete_original": True}) as response:
            assert (await response.json())["error"] == "message_not_found"
        async with desk.http.post(url, json={}) as response:
            assert (await response.json())["error"] == "no_text"
        async with desk.http.post(
            f"{desk.standin.base_url}/response/T/nobody", json={"text": "x"}
        ) as response:
            assert response.status == 404


async def test_inputs_are_judged_as_slacks_client_does() -> None:
    def field(action_id: str, kind: str, **more: Any) -> dict[str, Any]:
        label = {"type": "plain_text", "text": action_id}
        return {
            "type": "input",
            "block_id": f"{action_id}_block",
            "label": label,
            "optional": True,
            "element": {"type": kind, "action_id": action_id, **more},
        }

    blocks = [
        field("mail", "email_text_input"),
        field("page", "url_text_input"),
        field("amount", "number_input", is_decimal_allowed=True),
        field("words", "plain_text_input", min_length=3, max_length=5),
        field("owner", "users_select"),
        field("tags", "multi_external_select"),
    ]
    async with desk_with_app() as (desk, app, _):
        states: list[dict[str, Any]] = []

        @app.view("form")
        async def on_form(ack: Any, view: dict[str, Any]) -> None:
            states.append(view["state"]["values"])
            await ack()

        view = await _open(desk, {**MODAL, "blocks": blocks})
        bad = {"mail": "dana", "page": "shop", "amount": "ten", "words": "no"}
        reply = await desk.standin.act("agent1", "views.submit", view_id=view["id"], values=bad)
        assert set(reply["errors"]) == {f"{name}_block" for name in bad}
        long = await desk.standin.act(
            "agent1", "views.submit", view_id=view["id"], values={"words": "toolong"}
        )
        assert "at most 5" in long["errors"]["words_block"]
        unknown = await desk.standin.act(
            "agent1", "views.submit", view_id=view["id"], values={"nothing": "x"}
        )
        assert unknown["error"] == "action_not_found"
        kim = desk.standin.people["agent1"].id
        good = {"mail": "d@mail.example", "page": "https://a.example", "amount": "-1.5", "words": "four"}
        sent = {**good, "owner": kim, "tags": ["vip", "late"]}
        assert (await desk.standin.act("agent1", "views.submit", view_id=view["id"], values=sent))["ok"]
        assert states[0]["owner_block"]["owner"]["selected_user"] == kim
        chosen = states[0]["tags_block"]["tags"]["selected_options"]
        assert [option["value"] for option in chosen] == ["vip", "late"]


async def test_one_message_can_be_looked_up() -> None:
    async with rig() as desk:
        kim = desk.standin.people["agent1"].id
        ts = (await desk.client.chat_postEphemeral(channel=desk.support, user=kim, text="psst"))["message_ts"]
        args = {"channel": desk.support, "ts": ts}
        assert (await desk.standin.act("agent1", "client.message", **args))["message"]["text"] == "psst"
        assert (await desk.standin.act("agent2", "client.message", **args))["error"] == "message_not_found"
