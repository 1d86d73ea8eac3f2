"""Teaching: two people, a check against the validation questions, one file put in place, live at once, taken back."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.asking import asker_of
from cards.elements import escape
from data.access import Role
from data.catalogue.loader import load_catalogue
from data.desk.ticket import DraftState, Ticket
from data.errors import RefusedError, UnknownError
from data.knowledge import Knowledge, load_knowledge
from data.labels import Lang
from data.office.teaching import TeachingParts, TeachingService
from data.questions.normalise import normalise
from data.questions.validation import Ask, Question, read_set
from tests.desk import ALICE, BOB, DORA, EVE, Lab, OpenOffice, open_office
from tests.domain import make_router

PHRASING = "wer darf in meine liste der gespräche schauen"
QUESTIONS = tuple(
    {"id": f"q-{n}", "lang": "de", "role": "employee", "turns": [text],
     "expect": {"outcome": "not_in_terms", "topics": [topic], "clauses": [], "notices": [], "must_not": ["90"]}}
    for n, (text, topic) in enumerate([("journal?", "journal"), ("voicemail?", "voicemail"), ("standort?", "location")])
)  # fmt: skip


@dataclass(kw_only=True)
class School:
    """A teaching service whose matcher knows phrasings by heart, so that no test waits for a training."""

    room: OpenOffice
    overlay: Path
    knowledge: Knowledge
    service: TeachingService = field(init=False)
    harm: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda got: got
    """What learning does to every answer of the bot that is tried."""
    swapped: list[Knowledge] = field(default_factory=list)
    asked: int = 0

    def ticket(self, words: str = PHRASING, *, reply: str = "Nur Sie selbst.") -> Ticket:
        """Give an answered ticket."""
        tickets = self.room.office.tickets
        return tickets.answer(DORA, tickets.ask(EVE, Lang.DE, words, topic="").id, reply)

    def drafted(self, topic: str = "journal", *, question: str = PHRASING, reply: str = "Nur Sie selbst.") -> Ticket:
        """Give a ticket with a draft."""
        ticket = self.ticket(question, reply=reply)
        return self.service.draft(DORA, ticket.id, topic=topic, question=question, answer=reply)

    def released(self, topic: str = "journal", **fields: str) -> Ticket:
        """Draft, release and finish."""
        ticket = self.drafted(topic, **fields)
        self.service.release(ALICE, ticket.id)
        return self.service.finish(ticket.id)

    def load(self, overlay: Path, _cache: Path) -> Knowledge:
        """Load a knowledge without training."""
        return replace(self.knowledge, catalogue=load_catalogue(overlay=overlay))

    def asker(self, knowledge: Knowledge) -> Ask:
        """Answer what is a phrasing word for word, or what the validation asks."""
        known = {
            normalise(text): topic
            for topic in knowledge.catalogue.topics.values()
            for texts in topic.general.phrasings.values()
            for text in texts
        }

        def ask(question: Question) -> Mapping[str, Any]:
            self.asked += 1
            topic = known.get(normalise(question["turns"][-1]))
            wanted = question.get("expect", {"topics": [], "outcome": "out_of_scope"})
            got = {"outcome": wanted["outcome"], "topics": wanted["topics"], "clauses": [], "notices": [], "answer": ""}
            if topic is not None:
                got |= {"outcome": topic.general.outcome, "topics": [topic.id]}
            return self.harm(got) if knowledge is not self.present() else got

        return ask

    def present(self) -> Knowledge:
        """Give what is live."""
        return self.swapped[-1] if self.swapped else self.knowledge

    def teach(self, **fields: Any) -> TeachingService:
        """Build the service, with some parts of the test's own."""
        self.service = TeachingService(
            TeachingParts(
                office=self.room.office.parts,
                **{
                    "overlay": self.overlay,
                    "work": self.room.lab.folder / "teaching",
                    "load": self.load,
                    "asker": self.asker,
                    "present": self.present,
                    "swap": self.swapped.append,
                    "questions": lambda: QUESTIONS,
                    "plain": lambda text: escape(text, longest=2000),
                }
                | fields,
            )
        )
        return self.service

    def kinds(self, number: str) -> list[str]:
        """List what the audit says of teaching."""
        entries = self.room.engine.parts.audit.entries(number)
        return [entry.kind for entry in entries if entry.kind.startswith("teaching.")]

    def files(self) -> list[str]:
        """List the files of the overlay."""
        return sorted(p.relative_to(self.overlay).as_posix() for p in self.overlay.rglob("*") if p.is_file())


@pytest.fixture
def school(tmp_path: Path, knowledge: Knowledge) -> Iterator[School]:
    """Give a school over an office with an empty overlay."""
    overlay = tmp_path / "own"
    overlay.mkdir()
    with open_office(Lab(folder=tmp_path / "lab")) as room:
        found = School(room=room, overlay=overlay, knowledge=knowledge)
        found.teach()
        yield found


def refused(reason: str, step: Callable[[], object]) -> str:
    """Expect a refusal and give what it says."""
    with pytest.raises(RefusedError) as caught:
        step()
    assert caught.value.reason == reason
    return str(caught.value)


def test_a_phrasing_is_live_when_a_second_person_has_released_it(school: School) -> None:
    """Drafted by an officer, released by an admin, checked, written, audited with its digest, and known at once."""
    ticket = school.released()
    assert (ticket.draft, ticket.draft_problem) == (DraftState.RELEASED, "")
    assert school.files() == ["topics/journal.toml"]
    journal = school.present().catalogue.topics["journal"]
    assert PHRASING in journal.general.phrasings[Lang.DE]
    assert not journal.changed_by_overlay
    assert school.kinds(ticket.id) == ["teaching.drafted", "teaching.checking", "teaching.released"]
    entry = list(school.room.engine.parts.audit.entries(ticket.id))[-1]
    assert set(entry.data) == {"what", "digest"}
    assert "liste" not in str(entry.data)
    assert school.asked >= 2 * len(QUESTIONS) + 1


def test_an_entry_of_its_own_is_the_companys_answer(school: School) -> None:
    """The answer becomes a topic of its own that is marked as the company's, and holds nothing that a card obeys."""
    evil = "kantine [hier](https://boese.example) <at>alle</at>"
    ticket = school.released("", question=evil, reply="Nein.\n**Nie** [klick](https://boese.example)")
    assert ticket.draft is DraftState.RELEASED
    topic = school.present().catalogue.topics[f"own_{ticket.id}"]
    assert topic.changed_by_overlay
    for lang in Lang:
        shown = topic.title[lang] + topic.general.answer[lang]
        assert "Nein." in shown
        assert "](" not in shown.replace("\\]\\(", "")
        assert "<at" not in shown.replace("\\<", "")


def test_nothing_is_live_before_it_is_finished(school: School) -> None:
    """A draft and its release alone change neither overlay nor knowledge; the work that is left is listed."""
    ticket = school.drafted()
    assert school.service.unfinished() == ()
    school.service.release(ALICE, ticket.id)
    assert (school.files(), school.swapped, school.service.unfinished()) == ([], [], (ticket.id,))
    school.service.finish(ticket.id)
    assert school.service.unfinished() == ()


def test_the_drafter_cannot_release(school: School) -> None:
    """An officer's own draft is refused to that officer, and released by another one or an admin."""
    ticket = school.drafted()
    refused("own_draft", lambda: school.service.release(DORA, ticket.id))
    assert school.service.release(BOB, ticket.id).draft is DraftState.CHECKING


def test_employees_teach_nothing(school: School) -> None:
    """An employee can neither draft nor release nor discard; an admin cannot draft."""
    answered, drafted = school.ticket(), school.drafted()
    draft = {"topic": "journal", "question": "x", "answer": ""}
    for who in (EVE, ALICE):
        refused("not_allowed", lambda who=who: school.service.draft(who, answered.id, **draft))
    refused("not_allowed", lambda: school.service.release(EVE, drafted.id))
    refused("not_allowed", lambda: school.service.discard(EVE, drafted.id))
    with pytest.raises(UnknownError):
        school.service.draft(DORA, answered.id, topic="no_such_topic", question="x", answer="")


def test_a_draft_that_makes_answers_dangerous_is_not_released(school: School) -> None:
    """If one answer says something dangerous with what is to be learnt, nothing is written and the ids are named."""
    school.harm = lambda got: {**got, "answer": "nach 90 Tagen"} if got["topics"] == ["voicemail"] else got
    ticket = school.released()
    assert (ticket.draft, ticket.draft_problem) == (DraftState.DRAFTED, "q-1")
    assert (school.files(), school.swapped) == ([], [])
    assert school.kinds(ticket.id)[-1] == "teaching.failed"
    school.harm = lambda got: got
    school.service.release(ALICE, ticket.id)
    assert school.service.finish(ticket.id).draft is DraftState.RELEASED


def test_the_check_itself_says_why(school: School) -> None:
    """The check is a refusal with a stable reason that names the questions; a harmless change passes it."""
    ticket = school.drafted()
    learnt = replace(school.knowledge)
    assert refused("validation_failed", lambda: school.service.check(ticket, learnt)) == "phrasing"
    journal = school.knowledge.catalogue.topics["journal"].general.phrasings[Lang.DE][0]
    school.service.check(replace(ticket, draft_question=journal), learnt)


def test_a_phrasing_that_is_still_not_understood_is_not_released(school: School) -> None:
    """If the bot would not give the wanted answer to the very phrasing, the draft comes back."""
    school.harm = lambda got: {**got, "topics": ["presence"]} if got["topics"] == ["journal"] else got
    assert school.released().draft_problem.startswith("phrasing")
    assert school.files() == []


def test_without_an_overlay_nothing_can_be_taught(school: School) -> None:
    """Where no folder is set, drafting is refused and says which setting is missing."""
    ticket = school.ticket()
    assert school.service.possible
    service = school.teach(overlay=None)
    assert not service.possible
    refused("no_overlay", lambda: service.draft(DORA, ticket.id, topic="journal", question="x", answer=""))


def test_an_overlay_that_cannot_be_read_or_written_sends_the_draft_back(school: School) -> None:
    """A broken or unwritable overlay is named on the draft; nothing is swapped."""
    (school.overlay / "topics").mkdir()
    broken = school.overlay / "topics" / "ours.toml"
    broken.write_text("no toml", encoding="utf-8")
    assert school.released().draft_problem == "overlay_unreadable"
    broken.unlink()
    shutil.rmtree(school.overlay)
    school.overlay.write_text("a file where a folder should be", encoding="utf-8")
    assert school.released().draft_problem == "overlay_unwritable"
    assert school.swapped == []


def test_a_crash_before_the_end_is_finished_later(school: School) -> None:
    """Whatever was done before the process died, finishing once more comes to the same end, without a second file."""
    ticket = school.drafted()
    school.service.release(ALICE, ticket.id)

    def dies(_knowledge: Knowledge) -> None:
        raise KeyboardInterrupt

    service = school.teach(swap=dies)
    with pytest.raises(KeyboardInterrupt):
        service.finish(ticket.id)
    assert school.files() == ["topics/journal.toml"]
    again = school.teach()
    assert again.unfinished() == (ticket.id,)
    assert again.finish(ticket.id).draft is DraftState.RELEASED
    assert (school.files(), len(school.swapped)) == (["topics/journal.toml"], 1)
    assert again.finish(ticket.id) == school.room.office.tickets.get(ticket.id)


def test_whoever_is_forgotten_while_it_is_tried_teaches_nothing(school: School) -> None:
    """If the asker is forgotten during the check, nothing is written."""
    ticket = school.drafted()

    def load(overlay: Path, cache: Path) -> Knowledge:
        school.room.office.tickets.forget(ticket.asker)
        return school.load(overlay, cache)

    service = school.teach(load=load)
    service.release(ALICE, ticket.id)
    done = service.finish(ticket.id)
    assert (done.draft, done.forgotten) == (DraftState.DISCARDED, True)
    assert (school.files(), school.swapped) == ([], [])


def test_a_release_is_taken_back_without_the_others(school: School) -> None:
    """Taking one lesson back leaves the other in place, and is live at once; the versions before are kept."""
    first, second = school.released(), school.released(question="wer liest meine gespräche nach")
    assert school.service.discard(ALICE, first.id).draft is DraftState.WITHDRAWING
    assert school.service.finish(first.id).draft is DraftState.DISCARDED
    asked = school.present().catalogue.topics["journal"].general.phrasings[Lang.DE]
    assert (PHRASING in asked, second.draft_question in asked) == (False, True)
    school.service.discard(BOB, second.id)
    school.service.finish(second.id)
    assert school.files() == [f"earlier/journal.toml.{number:04}" for number in (1, 2, 3)]
    assert school.kinds(first.id)[-2:] == ["teaching.withdrawing", "teaching.withdrawn"]


def test_a_draft_can_be_discarded_and_drafted_anew(school: School) -> None:
    """A draft that nobody wants is dropped without a trace in the overlay; another may follow."""
    ticket = school.drafted()
    assert school.service.discard(DORA, ticket.id).draft is DraftState.DISCARDED
    again = school.service.draft(DORA, ticket.id, topic="", question="kantine?", answer="Nein.")
    assert (again.draft, again.draft_answer, school.files()) == (DraftState.DRAFTED, "Nein.", [])


def test_a_trained_model_is_kept_for_the_next_start(school: School, tmp_path: Path) -> None:
    """The model that was trained for the try lies where the next start looks for it; without a release it does not."""

    def load(overlay: Path, cache: Path) -> Knowledge:
        (cache / "model.npz").write_bytes(b"trained")
        return school.load(overlay, cache)

    school.harm = lambda got: {**got, "answer": "90"}
    school.teach(load=load, model=tmp_path / "model.npz")
    assert school.released().draft is DraftState.DRAFTED
    assert not (tmp_path / "model.npz").exists()
    school.harm = lambda got: got
    assert school.released().draft is DraftState.RELEASED
    assert (tmp_path / "model.npz").read_bytes() == b"trained"


def real_asker(knowledge: Knowledge) -> Ask:
    """Answer as the product does."""
    ask = asker_of(make_router(knowledge))
    return lambda question: ask(turns=question["turns"], role=Role(question["role"]), lang=None)


def test_the_real_bot_learns_and_stays_right(school: School) -> None:
    """With the real training and all 240 questions: what nobody could answer is answered as the company says."""
    words = "Zeigt der Bildschirm in der Kantine meinen Namen, wenn mich jemand anruft?"
    service = school.teach(
        load=lambda overlay, cache: load_knowledge(overlay=overlay, cache=cache),
        asker=real_asker,
        questions=read_set,
        model=school.room.lab.folder / "model.npz",
    )
    before = real_asker(school.knowledge)({"turns": [words], "role": "employee"})
    ticket = school.released("", question=words, reply="Nein, er zeigt keine Namen.")
    assert (ticket.draft, ticket.draft_problem) == (DraftState.RELEASED, "")
    after = real_asker(school.present())({"turns": [words], "role": "employee"})
    assert before["topics"] != after["topics"] == [f"own_{ticket.id}"]
    assert "Antwort Ihres Unternehmens" in after["answer"]
    assert "Nein, er zeigt keine Namen." in after["answer"]
    assert (school.room.lab.folder / "model.npz").exists()
    assert service.unfinished() == ()
