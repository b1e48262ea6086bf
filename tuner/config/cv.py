"""Which rows train and which are scored: one frozen model for each kind of split."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from tuner.config.values import PositiveInt, Section, Seed


class KFold(Section):
    """Repeated stratified k-fold cross-validation; one of three columns may decide instead which rows go together.

    `group`: rows of one value are never in two folds; "duplicates" are the rows with the same features, unless the
    table has a column of that name. `time`: each fold trains on what came before. `fold`: the column says in which fold
    each row is scored. Time and fold cut the rows one way only, so there `n_repeats` is 1 unless it is given, and
    `seed` has no effect. With `fold`, the column decides `n_splits`.
    """

    kind: Literal["stratified_kfold"] = "stratified_kfold"
    n_splits: Annotated[int, Field(ge=2, le=1000)] = 5
    n_repeats: Annotated[int, Field(ge=1, le=1000)] = 3
    seed: Seed = 0
    group: str | None = None
    time: str | None = None
    fold: str | None = None

    @property
    def one_way(self) -> str | None:
        """The key that leaves a single way to cut the rows, so that there is nothing to repeat; None if none does."""
        return "time" if self.time is not None else "fold" if self.fold is not None else None

    @property
    def columns(self) -> dict[str, str]:
        """Those of the keys group, time and fold that are given, and the column each names."""
        named = {"group": self.group, "time": self.time, "fold": self.fold}
        return {key: column for key, column in named.items() if column is not None}

    @model_validator(mode="before")
    @classmethod
    def _repeat_once(cls, section: Any) -> Any:
        if isinstance(section, dict) and "n_repeats" not in section:
            is_one_way = section.get("time") is not None or section.get("fold") is not None
            return {**section, "n_repeats": 1} if is_one_way else section
        return section

    @model_validator(mode="after")
    def _one_cut(self) -> Self:
        given = list(self.columns)
        if len(given) > 1:
            raise ValueError(
                "group, time and fold each decide alone which rows are scored together, got "
                f"{', '.join(given[:-1])} and {given[-1]}; keep one of them"
            )
        if self.one_way is not None and self.n_repeats > 1:
            raise ValueError(
                f"{self.one_way} cuts the rows one way only, so there is nothing to repeat: n_repeats must be 1, got "
                f"{self.n_repeats}; remove n_repeats"
            )
        return self


class Holdout(Section):
    """The first `n_train` rows train, the rest test; repeated over training seeds on that one split."""

    kind: Literal["holdout"]
    n_train: PositiveInt
    n_repeats: Annotated[int, Field(ge=1, le=1000)] = 20


def _cv_kind(value: object) -> str:
    kind = value.get("kind", "stratified_kfold") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) else "stratified_kfold"


CVSection = Annotated[
    Annotated[KFold, Tag("stratified_kfold")] | Annotated[Holdout, Tag("holdout")], Discriminator(_cv_kind)
]
