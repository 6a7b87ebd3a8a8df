"""How jupyter_client gets its kernel here: forked from a warm server where there is one, and without its fixed waits.

Source: jupyter_client, "Kernel Provisioning"; `KernelProvisionerBase`.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from lib.run.warm_kernels import WarmKernelError, WarmKernels, forwarded, is_ipykernel

START_TIMEOUT_S = 60
"""Seconds a kernel gets to start; on a busy machine ten of them start at once."""
ENDS_WITHIN_S = 2.0
"""Seconds that a kernel which was asked to end is waited for, before jupyter_client's own waiting and killing begins."""
POLL_S = 0.01
"""Seconds between two looks at a kernel that is ending, where the system can't tell when it ends."""
ASK_AGAIN_S = 0.2
"""Seconds until a kernel is asked again whose first messages may have been sent before this client listened."""


class TaskProvisioner(LocalProvisioner):
    """Starts a kernel by forking it, where `warm` is set and the kernel is our own Python's; else as jupyter_client does."""

    warm: WarmKernels | None = None

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        """Start the kernel. When no warm one can be had, its log says so, and it is an ordinary one."""
        if self.warm is not None and is_ipykernel(cmd):
            log = options["stderr"]
            try:
                forked = await self.warm.fork(cmd[2:], **forwarded(options), log=log.fileno(), timeout_s=START_TIMEOUT_S)
            except WarmKernelError as exc:
                log.write(f"An ordinary kernel was started instead of a warm one: {exc}.\n".encode())
                log.flush()
            else:
                self.process: Any = forked
                self.pid = self.pgid = forked.pid  # it leads a session of its own
                self.cwd = options.get("cwd") or Path.cwd()
                return self.connection_info
        return await super().launch_kernel(cmd, **options)

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Wait for the kernel's end, which was just asked for: jupyter_client would look for it every 100 ms."""
        if self.process is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(wait_ended(self.process), ENDS_WITHIN_S)

    async def wait(self) -> int | None:
        """Wait for the kernel's end, and return its exit code."""
        if self.process is not None:
            await wait_ended(self.process)
        return await super().wait()


async def wait_ended(process: Any) -> None:
    """Return once a child of this process has ended, at once."""
    try:
        handle = os.pidfd_open(process.pid)
    except (OSError, AttributeError):  # it has ended, or this system knows no such handles
        while process.poll() is None:
            await asyncio.sleep(POLL_S)
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


class TaskClient(AsyncKernelClient):
    """A client that is ready as soon as the kernel answers and is heard."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Return once the kernel has answered a request and all that it publishes about it has come in.

        jupyter_client goes on listening until nothing comes for 200 ms. Here what is published is waited for by name: the
        kernel says last that it is idle again. Raises RuntimeError when the kernel dies or takes too long.
        """
        until = time.monotonic() + (float("inf") if timeout is None else timeout)
        while True:
            asked = self.kernel_info()
            reply = await self.find_message(asked, "shell", "kernel_info_reply", wait_s=1)
            if reply is not None and await self.find_message(asked, "iopub", "status", wait_s=ASK_AGAIN_S):
                self._handle_kernel_info_reply(reply)
                return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > until:
                raise RuntimeError(f"Kernel didn't respond in {timeout:g} seconds")

    async def find_message(self, asked: str, channel: str, kind: str, *, wait_s: float) -> dict[str, Any] | None:
        """Return the message of a channel that answers a request, None when none comes in time; a status counts when idle."""
        receive = self.get_shell_msg if channel == "shell" else self.get_iopub_msg
        until = time.monotonic() + wait_s
        while (left := until - time.monotonic()) > 0:
            try:
                message: dict[str, Any] = await receive(timeout=left)
            except Empty:
                return None
            is_ours = message["parent_header"].get("msg_id") == asked and message["msg_type"] == kind
            if is_ours and message["content"].get("execution_state", "idle") == "idle":
                return message
        return None
