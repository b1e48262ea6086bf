"""Fetch a table of OpenML by its number: once over the network, from then on from scikit-learn's cache."""

from __future__ import annotations

import warnings
from http.client import HTTPException
from urllib.error import HTTPError

import pandas as pd
from sklearn.datasets import fetch_openml

from tuner.errors import DataError


def read_openml(number: int) -> pd.DataFrame:
    """Return dataset `number` as a frame, target columns included.

    Raises:
        DataError: there is no such dataset, no network and nothing cached, or it is no table of named columns.
    """
    source = f"OpenML dataset {number}"
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A network error occurred")  # it tries again, and we say it in the end
            bunch = fetch_openml(data_id=number, target_column=None, as_frame=True, parser="auto")
    except HTTPError as error:
        raise DataError(
            f"{source} cannot be fetched (the server answers {error.code} {error.reason}).\n"
            "Check dataset.id on the page of the dataset, or try again later."
        ) from error
    except (OSError, HTTPException) as error:
        raise DataError(
            f"{source} is not cached and cannot be fetched ({error}).\n"
            "Check the network, or save the table as a file and use kind: table."
        ) from error
    except (ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{source} cannot be used ({reason}).\n"
            "Check dataset.id on the page of the dataset; sparse tables are not read."
        ) from error
    frame: pd.DataFrame = bunch.frame
    if frame.empty:
        raise DataError(f"{source} has no rows.\nCheck dataset.id on the page of the dataset.")
    return frame
