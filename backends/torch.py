"""PyTorch, on the CPU and on CUDA: the checkpoint as it is, without an export, eager or compiled by TorchInductor."""

from __future__ import annotations

import importlib.util
import inspect
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from backends.backend import KNOWN_INPUTS, Availability, Backend, stage_times
from backends.errors import BackendError, one_line
from backends.host import nvidia
from backends.host.machine import installed
from backends.tasks import TASKS

POOLINGS = ("cls", "mean", "cls+normalize", "mean+normalize")


class Torch(Backend):
    """The model of a folder in the layout of ``save_pretrained``, FP32, attention by `sdpa` where it has that."""

    packages: ClassVar[tuple[str, ...]] = ("torch", "transformers")
    formats = ("torch-*",)
    compiled: ClassVar[bool] = False
    """Compiled for shapes of any size, in the first inferences: a batch of one and larger ones each cost some time."""

    @classmethod
    def availability(cls) -> Availability:
        versions = installed("torch", "transformers")
        for name in ("torch", "transformers"):
            if importlib.util.find_spec(name) is None:
                return Availability(cls.name, False, f"{name} is not installed", "pip install scalemodel", versions)
        reason, remedy = cls._device_missing() or (cls._compiler_missing() if cls.compiled else None) or ("", "")
        return Availability(cls.name, not reason, reason, remedy, versions)

    @classmethod
    def _device_missing(cls) -> tuple[str, str] | None:
        return None

    @classmethod
    def _compiler_missing(cls) -> tuple[str, str] | None:
        compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
        if shutil.which(compiler) is None:
            return (
                f"torch.compile needs a C++ compiler, and {compiler} is not there",
                f"install it, name another in the environment variable CXX, or use torch-{cls.device}",
            )
        return None

    def _prepare(self) -> None:
        self._model: Any = None
        self._run: Any = None
        if self.pooling not in POOLINGS:
            raise BackendError(f"{self.name}: unknown pooling {self.pooling!r}; one of {', '.join(POOLINGS)}")
        self._require(self.availability())
        import torch
        import transformers  # noqa: F401

        torch.set_num_threads(self.threads)

    def _load(self) -> None:
        import torch
        import transformers

        for name in ("config.json", "model.safetensors"):
            if not (self.artifact / name).is_file():
                raise BackendError(f"{self.name}: no {name} in {self.artifact}; export the model to torch-fp32")
        verbosity = transformers.logging.get_verbosity()
        # What is missing is raised below, in one line.
        transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        try:
            head = getattr(transformers, TASKS[self.task].auto_class)
            self._model, information = head.from_pretrained(
                self.artifact,
                attn_implementation=_attention(head, self.artifact),
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
        except Exception as error:
            raise BackendError(
                f"{self.name}: cannot load the checkpoint in {self.artifact} ({one_line(error)}); export it again"
            ) from error
        finally:
            transformers.logging.set_verbosity(verbosity)
        missing = sorted(information["missing_keys"])
        if missing:
            raise BackendError(
                f"{self.name}: the checkpoint in {self.artifact} lacks {missing[0]!r} "
                f"({len(missing)} weights) for {self.task}; train it for this task first"
            )
        self._model.eval().to(self.device)
        self.inputs = self._taken()
        # By a hook: output_hidden_states would keep the hidden states of all layers alive.
        self._model.base_model.register_forward_hook(self._keep_last_hidden_state)
        self._run = torch.compile(self._model, dynamic=True) if self.compiled else self._model

    def _taken(self) -> tuple[str, ...]:
        parameters = inspect.signature(self._model.forward).parameters
        one_segment = getattr(self._model.config, "type_vocab_size", 2) < 2  # RoBERTa's
        return tuple(
            name for name in KNOWN_INPUTS if name in parameters and not (name == "token_type_ids" and one_segment)
        )

    def _keep_last_hidden_state(self, module: Any, arguments: Any, output: Any) -> None:
        self._last_hidden_state = output[0]

    def _infer(self, feeds: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float32]]:
        import torch

        with torch.inference_mode():
            return self._to_host(self._compute(self._to_device(feeds)))

    def _to_device(self, feeds: Mapping[str, NDArray[np.int64]]) -> dict[str, Any]:
        import torch

        return {name: torch.from_numpy(feeds[name]).to(self.device) for name in self.inputs}

    def _compute(self, tensors: dict[str, Any]) -> dict[str, Any]:
        result = self._run(**tensors)
        outputs = {name: result[name] for name in self.outputs if name != "representation"}
        outputs["representation"] = self._pool(tensors["attention_mask"])
        return outputs

    @staticmethod
    def _to_host(outputs: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
        """Waits for the device, so a caller's clock sees the whole inference."""
        return {name: tensor.float().cpu().numpy() for name, tensor in outputs.items()}

    def _pool(self, attention_mask: Any) -> Any:
        """(batch, hidden) of the last hidden state: the first token's, or the mean over unmasked tokens."""
        import torch

        hidden = self._last_hidden_state
        self._last_hidden_state = None
        if self.pooling.startswith("cls"):
            pooled = hidden[:, 0].clone()  # a view would keep (batch, sequence, hidden) alive
        else:
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
        return torch.nn.functional.normalize(pooled, dim=1) if self.pooling.endswith("+normalize") else pooled

    def _describe(self) -> dict[str, Any]:
        import torch

        return {
            "provider": self.device,
            "precision_hint": f"float32 matmul precision {torch.get_float32_matmul_precision()}",
            "nodes": None,
            "left_to_cpu": {},
            "attention": self._model.config._attn_implementation,
            "compiled": self.compiled,
            "versions": installed("torch", "transformers"),
        }

    def _unload(self) -> None:
        self._model = self._run = self._last_hidden_state = None


def _attention(head: Any, artifact: Path) -> str:
    """``sdpa``, or ``eager`` for an architecture that is not written for it: ELECTRA, MPNet, MobileBERT, DeBERTa."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(artifact, local_files_only=True)
    return "sdpa" if head._model_mapping[type(config)]._supports_sdpa else "eager"


class TorchCpu(Torch):
    name = "torch-cpu"
    device = "cpu"


class TorchCpuCompiled(TorchCpu):
    name = "torch-cpu-compiled"
    compiled = True


class TorchCuda(Torch):
    """Every opening has a stream of its own: on the one that torch gives to all, their work would stand in one row."""

    name = "torch-cuda"
    device = "cuda"
    packages = (*Torch.packages, *nvidia.PACKAGES)

    def _load(self) -> None:
        import torch

        super()._load()
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()  # the weights were copied on another stream

    def _infer(self, feeds: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float32]]:
        import torch

        with torch.cuda.stream(self._stream):
            return super()._infer(feeds)

    def device_times(self, feeds: Mapping[str, NDArray[np.int64]]) -> dict[str, float] | None:
        import torch

        with torch.inference_mode(), torch.cuda.stream(self._stream):
            return stage_times(lambda: self._to_device(feeds), self._compute, self._to_host, torch.cuda.synchronize)

    @classmethod
    def _device_missing(cls) -> tuple[str, str] | None:
        if nvidia.driver_version() is None:
            return "no NVIDIA driver answers", "install the driver, or use torch-cpu"
        nvidia.use_nvml_order()
        import torch

        if torch.version.cuda is None:
            return (
                "the installed torch was built without CUDA",
                "install a CUDA build: https://pytorch.org/get-started",
            )
        if not torch.cuda.is_available():
            return (
                f"torch {torch.__version__} (CUDA {torch.version.cuda}) finds no usable GPU",
                "update the driver, or look at CUDA_VISIBLE_DEVICES",
            )
        return None


class TorchCudaCompiled(TorchCuda):
    name = "torch-cuda-compiled"
    compiled = True
    packages = (*TorchCuda.packages, "triton")
