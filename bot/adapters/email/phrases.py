"""The words that mail programs write around quoted text, by language. Data for `quotes.py`.

The first four are alternations of a regular expression, lower case; `LABELS` are plain words between bars.
"""

WROTE = (
    r"wrote|writes|a écrit|a ecrit|écrit|schrieb|geschrieben|escribió|escribio|escreveu|"
    r"ha scritto|scrisse|schreef|geschreven|napisał(?:a|\(a\))?|napisal(?:a|\(a\))?|skrev|skreiv|"
    r"kirjoitti|kirjutas|написал(?:а|\(а\))?|пишет|писал(?:а|\(а\))?|написав(?:ла)?|пише|"
    r"napsal(?:a|\(a\))?|napísal(?:a|\(a\))?|pisze|írta|a scris|yazdı|yazmış|έγραψε|đã viết|"
    r"menulis|rašė|rakstīja|je napisao|je napisal|reageerde|ha escrit|escrigué|idatzi zuen|写道|"
    r"寫道|のメール|さんは書きました|さんからのメール|작성|님이 작성|כתב|כתבה|كتب|كتبت|ने लिखा|"
    r"เขียน"
)
"""The verb that ends an "On … wrote:"."""

MONTHS = (
    "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez|janv|févr|fevr|avr|juin|"
    "juil|août|aout|déc|ene|abr|ago|dic|gen|mag|giu|lug|set|ott|mei|maa|mrt|out|stycz|lut|kwie|"
    "maj|czerw|lip|sierp|wrze|paźd|list|grud|янв|фев|мар|апр|мая|май|июн|июл|авг|сен|окт|ноя|дек|"
    "tammi|helmi|maalis|huhti|touko|kesä|heinä|elo|syys|loka|marras|joulu|oca|şub|nis|haz|tem|"
    "ağu|eyl|eki|kas|ara|led|úno|bře|dub|kvě|čer|srp|zář|říj|pro|月|월"
)
"""How months begin."""

SEPARATORS = (
    r"original message|original email|original appointment|forwarded message|forwarded by|"
    r"begin forwarded message|reply message|oprindelig (?:besked|meddelelse)|"
    r"videresendt (?:besked|meddelelse)|message d['’]origine|message original|message transféré|"
    r"message transfere|message initial|ursprüngliche (?:nachricht|mail|e-mail)|"
    r"original ?nachricht|weitergeleitete (?:nachricht|mail)|mensaje original|mensaje reenviado|"
    r"mensagem original|mensagem encaminhada|messaggio originale|messaggio inoltrato|"
    r"oorspronkelijk bericht|doorgestuurd bericht|originalmeddelande|ursprungligt meddelande|"
    r"ursprungsmeddelande|vidarebefordrat meddelande|opprinnelig melding|original melding|"
    r"videresendt melding|alkuperäinen viesti|edelleenlähetetty viesti|wiadomość oryginalna|"
    r"oryginalna wiadomość|wiadomość przekazana|treść przekazanej wiadomości|původní zpráva|"
    r"původní e-mail|přeposlaná zpráva|pôvodná správa|eredeti üzenet|továbbított üzenet|"
    r"исходное сообщение|пересылаемое сообщение|пересланное сообщение|оригинальное сообщение|"
    r"вихідне повідомлення|переслане повідомлення|mesaj original|mesajul original|orijinal mesaj|"
    r"iletilen mesaj|özgün ileti|αρχικό μήνυμα|προωθημένο μήνυμα|原始邮件|原始郵件|转发邮件|"
    r"转发的邮件|元のメッセージ|転送メッセージ|원본 메시지|전달된 메시지|tin nhắn gốc|pesan asli|"
    r"izvorna poruka|izvirno sporočilo|algkiri|sākotnējais ziņojums|הודעה מקורית|الرسالة الأصلية"
)
"""What stands between dashes above a quoted or forwarded mail."""

SENT_FROM = (
    r"sent (?:from|with|via|using)\b(?: my| the| an?)?|get outlook for\b|"
    r"envoyé (?:à partir |)(?:de|depuis|avec)\b|télécharger outlook|obtenez outlook|"
    r"von (?:meinem|meiner) \S+ gesendet|gesendet (?:von|mit|aus)\b|diese nachricht wurde von\b|"
    r"holen sie sich outlook|outlook für \w+ (?:beziehen|herunterladen)|"
    r"enviado (?:desde|do|de|a partir)\b|enviada do\b|obtener outlook|inviato da\b|"
    r"scarica outlook|ottieni outlook|verzonden (?:vanaf|met|via|vanuit)\b|verstuurd vanaf\b|"
    r"download outlook|sendt fra\b|skickat från\b|"
    r"lähetetty\b.{0,20}(?:iphone|ipad|android|puhelim)|wysłan[eo] z\b|отправлено (?:с|из|от)\b|"
    r"odesláno z\b|elküldve az?\b|iphone'umdan gönderildi|发自我的|從我的|iphoneから送信|"
    r"나의 .{1,20}에서 보냄|sent by"
)
"""How a mobile's signature begins."""

LABELS = {
    "from": (
        "from|von|de|da|fra|från|van|od|от|от кого|відправник|від|lähettäjä|feladó|kimden|gönderen|"
        "从|发件人|寄件者|差出人|보낸 사람|από|odesílatel|expéditeur|remitente|mittente|afzender|"
        "nadawca|expeditor|מאת|من|saatja|šalje|nuo|no|message du|en date de"
    ),
    "sent": (
        "sent|date|gesendet|datum|gesendet am|envoyé|envoyé le|enviado|enviado el|enviada em|"
        "enviado em|enviada|inviato|data|fecha|verzonden|verstuurd|datum|sendt|dato|skickat|"
        "skickat den|lähetetty|päiväys|wysłano|data wysłania|отправлено|дата|надіслано|odesláno|"
        "dátum|elküldve|küldve|gönderildi|tarih|发送时间|日期|寄件日期|送信日時|日時|보낸 날짜|"
        "ημερομηνία|trimis|נשלח|تاريخ|sent on|time|heure|message du|saadetud|poslano|quando"
    ),
    "to": (
        "to|an|à|a|para|aan|til|till|do|dla|кому|vastaanottaja|címzett|kime|alıcı|收件人|宛先|"
        "받는 사람|προς|komu|pour|destinataire|către|אל|إلى|sendt til|kam|reply-to|reply to|"
        "répondre à"
    ),
    "cc": (
        "cc|kopie|kopia|kopi|copie|copie à|copia|cc:|копия|kopio|másolat|bilgi|抄送|副本|ccn|cci|bcc|"
        "kópia|c.c."
    ),
    "subject": (
        "subject|betreff|objet|asunto|assunto|oggetto|onderwerp|emne|ämne|aihe|temat|тема|předmět|"
        "predmet|tárgy|konu|主题|主旨|件名|제목|θέμα|subiect|נושא|الموضوع|teema|tema|re|attachments|"
        "anlagen|importance|priority"
    ),
}
"""The names of header lines, by what they mean."""
