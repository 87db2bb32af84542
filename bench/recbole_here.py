"""RecBole 1.2 with the names that today's numpy and scipy have dropped, for models on the processor in one thread."""


def load(name, path, dataset, settings, seed):
    """A data set, its three parts, a model and its trainer."""
    import os

    import numpy as np
    import scipy.sparse
    import torch

    torch.set_num_threads(1)
    # The library writes logs to where it is called from.
    os.chdir(path)
    for old, new in {"float_": np.float64, "complex_": np.complex128, "unicode_": np.str_, "bool8": np.bool_}.items():
        if not hasattr(np, old):
            setattr(np, old, new)
    if not hasattr(scipy.sparse.dok_matrix, "_update"):
        scipy.sparse.dok_matrix._update = lambda matrix, cells: matrix._dict.update(cells)
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    common = {"data_path": str(path), "use_gpu": False, "state": "ERROR", "show_progress": False}
    config = Config(model=name, dataset=dataset, config_dict=common | settings)
    init_seed(seed, True)
    data = create_dataset(config)
    parts = data_preparation(config, data)
    model = get_model(name)(config, parts[0]._dataset)
    return data, parts, model, get_trainer(config["MODEL_TYPE"], name)(config, model)
