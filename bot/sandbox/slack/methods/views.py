"""views.*: modals and the Home tab, from the app's side."""

from __future__ import annotations

from .. import viewstate
from ..args import Args
from ..core import Core, method, ok
from ..model import Caller, Json, Person, SlackRefusal, View


def _person_of_trigger(core: Core, args: Args) -> Person:
    trigger = core.use_trigger(args.text("trigger_id") or args.need("interactivity_pointer"))
    return core.workspace.person(trigger.user_id)


@method("views.open")
def open_(core: Core, caller: Caller, args: Args) -> Json:
    """Open a modal for the person of a trigger_id."""
    given = args.nested("view")
    person = _person_of_trigger(core, args)
    return ok(view=viewstate.shown(viewstate.add_modal(core, person, given, on_top=False)))


@method("views.push")
def push(core: Core, caller: Caller, args: Args) -> Json:
    """Lay a modal on top of the open one (three at most)."""
    given = args.nested("view")
    person = _person_of_trigger(core, args)
    return ok(view=viewstate.shown(viewstate.add_modal(core, person, given, on_top=True)))


def _find(core: Core, args: Args) -> View:
    view_id, external_id = args.text("view_id"), args.text("external_id")
    for view in core.workspace.views.values():
        if (view_id and view.id == view_id) or (external_id and view.body["external_id"] == external_id):
            return view
    raise SlackRefusal("not_found")


@method("views.update")
def update(core: Core, caller: Caller, args: Args) -> Json:
    """Change an open modal."""
    view = viewstate.replace(core, _find(core, args), args.nested("view"), args.text("hash"))
    return ok(view=viewstate.shown(view))


@method("views.publish")
def publish(core: Core, caller: Caller, args: Args) -> Json:
    """Set the Home tab of a person."""
    if not caller.is_bot:
        raise SlackRefusal("not_allowed_token_type")
    person = core.workspace.users.get(args.need("user_id"))
    if person is None:
        raise SlackRefusal("invalid_arguments", "[ERROR] invalid user id")
    view = viewstate.publish(core, person, args.nested("view"), args.text("hash"))
    return ok(view=viewstate.shown(view))
