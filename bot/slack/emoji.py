"""Slack's names of the emoji that people use in letters to customers. What is not here stays as it was typed."""

from __future__ import annotations

_TABLE = """
smile 😄 smiley 😃 grinning 😀 grin 😁 laughing 😆 satisfied 😆 sweat_smile 😅 joy 😂 rolling_on_the_floor_laughing 🤣
slightly_smiling_face 🙂 upside_down_face 🙃 wink 😉 blush 😊 innocent 😇 heart_eyes 😍 star-struck 🤩 kissing_heart 😘
relaxed ☺️ yum 😋 stuck_out_tongue 😛 stuck_out_tongue_winking_eye 😜 hugging_face 🤗 thinking_face 🤔 neutral_face 😐
expressionless 😑 no_mouth 😶 smirk 😏 unamused 😒 face_with_rolling_eyes 🙄 grimacing 😬 relieved 😌 pensive 😔 sleepy 😪
sleeping 😴 mask 😷 sunglasses 😎 confused 😕 worried 😟 slightly_frowning_face 🙁 open_mouth 😮 hushed 😯 astonished 😲
flushed 😳 pleading_face 🥺 cry 😢 sob 😭 scream 😱 disappointed 😞 sweat 😓 weary 😩 tired_face 😫 triumph 😤 rage 😡 angry 😠
shrug 🤷 facepalm 🤦 wave 👋 raised_hand ✋ ok_hand 👌 v ✌️ crossed_fingers 🤞 point_left 👈 point_right 👉 point_up_2 👆
point_down 👇 +1 👍 thumbsup 👍 -1 👎 thumbsdown 👎 fist ✊ clap 👏 raised_hands 🙌 open_hands 👐 handshake 🤝 pray 🙏
muscle 💪 writing_hand ✍️ eyes 👀 heart ❤️ orange_heart 🧡 yellow_heart 💛 green_heart 💚 blue_heart 💙 purple_heart 💜
broken_heart 💔 two_hearts 💕 sparkling_heart 💖 100 💯 boom 💥 dizzy 💫 sweat_drops 💦 dash 💨 speech_balloon 💬 zzz 💤
white_check_mark ✅ heavy_check_mark ✔️ ballot_box_with_check ☑️ x ❌ heavy_plus_sign ➕ heavy_minus_sign ➖ question ❓
grey_question ❔ exclamation ❗ heavy_exclamation_mark ❗ bangbang ‼️ warning ⚠️ no_entry ⛔ no_entry_sign 🚫 rotating_light 🚨
star ⭐ star2 🌟 sparkles ✨ zap ⚡ fire 🔥 sunny ☀️ cloud ☁️ umbrella ☔ snowflake ❄️ rainbow 🌈 rocket 🚀 airplane ✈️
truck 🚚 package 📦 mailbox 📫 email 📧 envelope ✉️ incoming_envelope 📨 inbox_tray 📥 outbox_tray 📤 memo 📝 pencil 📝 pencil2 ✏️
page_facing_up 📄 clipboard 📋 calendar 📅 date 📅 chart_with_upwards_trend 📈 bar_chart 📊 pushpin 📌 round_pushpin 📍
paperclip 📎 link 🔗 lock 🔒 unlock 🔓 key 🔑 bulb 💡 mag 🔍 bell 🔔 hourglass ⌛ hourglass_flowing_sand ⏳ watch ⌚
alarm_clock ⏰ phone ☎️ telephone_receiver 📞 iphone 📱 computer 💻 camera 📷 art 🎨 gift 🎁 tada 🎉 confetti_ball 🎊
balloon 🎈 birthday 🎂 cake 🍰 coffee ☕ tea 🍵 beer 🍺 beers 🍻 pizza 🍕 apple 🍎 rose 🌹 bouquet 💐 sunflower 🌻
seedling 🌱 four_leaf_clover 🍀
earth_africa 🌍 house 🏠 office 🏢 moneybag 💰 credit_card 💳 receipt 🧾 shopping_trolley 🛒 dog 🐶 cat 🐱 bug 🐛 arrow_right ➡️
arrow_left ⬅️ arrow_up ⬆️ arrow_down ⬇️ leftwards_arrow_with_hook ↩️ arrows_counterclockwise 🔄 information_source ℹ️
red_circle 🔴 large_blue_circle 🔵
large_green_circle 🟢 large_yellow_circle 🟡 white_circle ⚪ black_circle ⚫ new 🆕 ok 🆗 sos 🆘
copyright ©️ registered ®️ tm ™️ one 1️⃣ two 2️⃣ three 3️⃣ four 4️⃣ five 5️⃣
""".split()  # noqa: SIM905

EMOJI: dict[str, str] = dict(zip(_TABLE[::2], _TABLE[1::2], strict=True))
_TONES = {"2": "🏻", "3": "🏼", "4": "🏽", "5": "🏾", "6": "🏿"}


def unicode_emoji(name: str) -> str | None:
    """The character for ``tada`` or ``wave::skin-tone-3``; None where it is not known (a workspace's own picture)."""
    base, _, tone = name.partition("::skin-tone-")
    found = EMOJI.get(base)
    if found is None:
        return None
    return found + _TONES.get(tone, "")


def from_code_points(code: str) -> str | None:
    """The character for Slack's ``unicode`` field, e.g. ``1f44d-1f3fb``."""
    try:
        return "".join(chr(int(part, 16)) for part in code.split("-"))
    except (ValueError, OverflowError):
        return None
