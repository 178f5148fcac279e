"""search: a full-text index over what was said, kept in step by the database itself

Everything that belongs to an engine's index is called ``fts_…``: ``bot.storage.migrate.include_object`` leaves it out of the
comparison with the tables. Whoever makes ``message`` or ``attachment`` anew on SQLite (a batch that recreates the table)
has to make the triggers anew too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FIELDS = ("text", "subject", "author", "file_names")

SQLITE = (
    # The words stay in `message`; the index holds only terms. It is told the old words when they change: with the new ones
    # it could not find what to take out. New messages are put in a little later, many at once (bot.storage.indexing): one
    # by one each would be a segment of its own, and merging those costs ten times what storing a message does.
    """create virtual table fts_message using fts5(
        text, subject, author, file_names,
        content='message', content_rowid='id', tokenize="unicode61 remove_diacritics 2 categories 'L* N* M* Co'")""",
    """create trigger fts_message_delete after delete on message
    when exists (select 1 from fts_message_docsize where id = old.id)
    begin
        insert into fts_message(fts_message, rowid, text, subject, author, file_names)
        values ('delete', old.id, old.text, old.subject, old.author, old.file_names);
    end""",
    """create trigger fts_message_update after update of text, subject, author, file_names on message
    when (old.text is not new.text or old.subject is not new.subject
        or old.author is not new.author or old.file_names is not new.file_names)
        and exists (select 1 from fts_message_docsize where id = old.id)
    begin
        insert into fts_message(fts_message, rowid, text, subject, author, file_names)
        values ('delete', old.id, old.text, old.subject, old.author, old.file_names);
        insert into fts_message(rowid, text, subject, author, file_names)
        values (new.id, new.text, new.subject, new.author, new.file_names);
    end""",
)

SQLITE_OPTIONS = (
    ("automerge", 0),  # never while something is stored: it takes hundreds of milliseconds at a time
    ("usermerge", 8),  # bot.storage.indexing merges where a level has so many segments, some pages at a time
    ("crisismerge", 100),
)

SQLITE_NAMES = """create trigger fts_attachment_{what} after {event} on attachment begin
    update message set file_names = (
        select group_concat(name, char(10)) from attachment where message_id = {row}.message_id)
    where id = {row}.message_id;
end"""

POSTGRES_NAMES = (
    """create function fts_file_names() returns trigger language plpgsql as $$
    declare
        whose bigint := case when tg_op = 'DELETE' then old.message_id else new.message_id end;
    begin
        update message set file_names = (
            select string_agg(name, chr(10) order by id) from attachment where message_id = whose)
        where id = whose;
        return null;
    end $$""",
    """create trigger fts_attachment after insert or delete or update of name on attachment
    for each row execute function fts_file_names()""",
)

FOLD = r"""create function fts_fold(words text) returns text language sql immutable parallel safe as $$
    select lower(regexp_replace(regexp_replace({words}, '[\u0300-\u036f]+', '', 'g'),
        '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u2000-\u206f\u3000-\u303f]+',
        ' ', 'g') {collate})
$$"""
"""The same on every server: no extension, and the words that SQLite's tokenizer finds. Accents go, punctuation is a space
(PostgreSQL's own parser would keep "petrov.pdf" and "a@b.example" as one word each)."""

POSTGRES = (
    # A tsvector holds a megabyte, and a message that does not fit must be stored all the same: 200,000 characters are
    # searched.
    """create function fts_words(subject text, author text, file_names text, words text) returns tsvector
    language sql immutable parallel safe as $$
        select to_tsvector('simple', left(fts_fold(left(coalesce(subject, ''), 1000) || ' ' || left(author, 500) || ' '
            || left(coalesce(file_names, ''), 4000) || ' ' || left(words, 200000)), 200000))
    $$""",
    # A table of its own, filled a little later (bot.storage.indexing): a generated column and its GIN index make storing a
    # message take four times as long, and its pending list hold the writer for hundreds of milliseconds.
    "create table fts_message (id bigint primary key, words tsvector not null)",
    "insert into fts_message select id, fts_words(subject, author, file_names, text) from message",
    "create index fts_message_words on fts_message using gin (words) with (fastupdate = off)",
    "analyze fts_message",
    """create function fts_message_changed() returns trigger language plpgsql as $$
    begin
        if tg_op = 'DELETE' then
            delete from fts_message where id = old.id;
        else
            update fts_message set words = fts_words(new.subject, new.author, new.file_names, new.text) where id = new.id;
        end if;
        return null;
    end $$""",
    """create trigger fts_message_delete after delete on message
    for each row execute function fts_message_changed()""",
    """create trigger fts_message_update after update of text, subject, author, file_names on message
    for each row when (old.text is distinct from new.text or old.subject is distinct from new.subject
        or old.author is distinct from new.author or old.file_names is distinct from new.file_names)
    execute function fts_message_changed()""",
)


def upgrade() -> None:
    op.add_column("message", sa.Column("file_names", sa.Text(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()
    named = sa.text("file_names is not null")
    op.create_index("ix_message_files", "message", ["id"], sqlite_where=named, postgresql_where=named)


def _sqlite() -> None:
    for what, event, row in (
        ("insert", "insert", "new"),
        ("delete", "delete", "old"),
        ("update", "update of name", "new"),
    ):
        op.execute(SQLITE_NAMES.format(what=what, event=event, row=row))
    op.execute(
        """update message set file_names = (
            select group_concat(name, char(10)) from attachment where message_id = message.id)
        where id in (select message_id from attachment)"""
    )
    for statement in SQLITE:
        op.execute(statement)
    op.execute("insert into fts_message(fts_message) values ('rebuild')")
    for option, value in SQLITE_OPTIONS:
        op.execute(f"insert into fts_message(fts_message, rank) values ('{option}', {value})")


def _postgresql() -> None:
    connection = op.get_bind()
    for statement in POSTGRES_NAMES:
        op.execute(statement)
    op.execute(
        """update message set file_names = names.them
        from (select message_id, string_agg(name, chr(10) order by id) as them from attachment group by message_id) names
        where names.message_id = message.id"""
    )
    op.execute(sa.text(fold(connection).replace(":", "\\:")))
    for statement in POSTGRES:
        op.execute(statement)


def fold(connection: sa.Connection) -> str:
    """``fts_fold`` as this server can run it: accents need UTF-8, and the locale C knows upper case of ASCII only."""
    encoding, locale = connection.execute(
        sa.text(
            "select pg_encoding_to_char(encoding), datctype from pg_database where datname = current_database()"
        )
    ).one()
    if encoding != "UTF8":
        return "create function fts_fold(words text) returns text language sql immutable as $$ select lower(words) $$"
    icu = connection.execute(
        sa.text("select count(*) from pg_collation where collname = 'und-x-icu'")
    ).scalar_one()
    collate = 'collate "und-x-icu"' if locale in ("C", "POSIX") and icu else ""
    return FOLD.format(words="normalize(words, NFKD)", collate=collate)
