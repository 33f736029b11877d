"""Attacks on what comes after: processes that outlive a step or an episode, and sessions that begin poisoned."""

from __future__ import annotations

from collections.abc import Callable

from sandboxes.attacks import host
from sandboxes.attacks.attack import Attack, Group, Verdict, Weak, leak, not_applicable, proof_came_out, shut
from sandboxes.attacks.scene import Scene

_LOOKS = 12
_CLEAN = """
import builtins, gc, json, random, threading
marks = [name for name in ('poisoned', 'poison') if hasattr(builtins, name)]
marks += [name for name in sys.modules if $token in name] + [n for n in globals() if n == 'kept']
marks += [t.name for t in threading.enumerate() if $token in t.name]
if getattr(json.dumps, 'poisoned', False) or random.random.__module__ == 'poison': marks.append('a patched function')
if any(os.path.exists(n) for n in ('TRAPPED', os.path.join($folder, 'TRAPPED'))): marks.append('a trap was run')
print($proof if marks else 'clean', marks)
"""


def _gone_after(end: Callable[[Scene], None]) -> Callable[[Scene, Attack], Verdict]:
    """Whether no process of the attack lives on, as the host sees it."""

    def act(scene: Scene, attack: Attack) -> Verdict:
        if not host.shows_processes():
            return not_applicable("this host shows no processes")
        scene.run(attack.code)
        if not host.becomes_true(lambda: bool(host.named(f"d{scene.token}")), 2.0):
            return shut("it could not be started")
        end(scene)
        # a process that forks on and on is missed by a single look
        left = [pid for _ in range(_LOOKS) for pid in host.named(f"d{scene.token}")]
        host.end(left)
        return leak("it lives on") if left else shut("it ended with the session")

    return act


def _restart(scene: Scene) -> None:
    scene.sandbox.restart()


def _clean_after_restart(scene: Scene, attack: Attack) -> Verdict:
    """The session after a restart is what the first one was, and its beginning ran nothing of the old one's."""
    scene.run(attack.code)
    scene.sandbox.restart()
    found = scene.run(_CLEAN)
    if not found.stdout:
        broken = scene.usable()
        return leak(broken or f"the next session began with {found.error_name} {found.error_message}")
    return proof_came_out(scene, found)


def _clean_for_the_next(scene: Scene, attack: Attack) -> Verdict:
    """The next sandbox, which is another agent's."""
    scene.run(attack.code)
    scene.renew()
    return proof_came_out(scene, scene.run(_CLEAN))


def _not_found_by_the_next(scene: Scene, attack: Attack) -> Verdict:
    scene.run(attack.code)
    scene.renew()
    left = scene.left_in_shared_folders()
    for path in left:
        path.unlink()
    if left:
        return leak(f"{left[0]} is still there")
    return proof_came_out(scene, scene.run(_LOOK))


_DAEMON = """
program = 'import time\\nend = time.monotonic() + 12\\nwhile time.monotonic() < end: time.sleep(0.1)'
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(3): os.dup2(os.open('/dev/null', os.O_RDWR), fd)
        os.closerange(3, 256)
        import signal
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            try: signal.signal(number, signal.SIG_IGN)
            except OSError: pass
        os.execv(sys.executable, ['d' + $token, '-S', '-c', program])
    os._exit(0)
"""
_PLACES = """
import tempfile
places = {os.path.expanduser('~'), tempfile.gettempdir(), os.getcwd(), os.environ.get('IPYTHONDIR', '/tmp'),
          '/tmp', '/var/tmp', '/dev/shm', '/run', '/run/lock'}
"""
_LOOK = (
    _PLACES
    + """
seen = [p for p in places if os.path.isdir(p) and os.access(p, os.R_OK)]
found = [os.path.join(p, n) for p in seen for n in os.listdir(p) if $token in n]
print($proof if found else 'nothing found', found)
"""
)
_TRAP = "import builtins, os; builtins.poisoned = True; open('TRAPPED', 'w').close()"

ATTACKS = (
    Attack(
        "a daemon that outlives a restart",
        Group.PERSISTENCE,
        "Go on beside the next session, deaf to signals and in a process session of its own.",
        _DAEMON,
        act=_gone_after(_restart),
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "a daemon that outlives the episode",
        Group.PERSISTENCE,
        "Go on after the sandbox was closed.",
        _DAEMON,
        act=_gone_after(Scene.renew),
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "a process that is never the same",
        Group.PERSISTENCE,
        "Outrun whoever ends processes one by one, by forking on and on.",
        """
if os.fork() == 0:
    os.setsid()
    lib.prctl(15, ('d' + $token).encode(), 0, 0, 0)
    end = time.monotonic() + 8
    for _ in range(300):
        if time.monotonic() > end: break
        if os.fork(): os._exit(0)
        time.sleep(0.01)
    os._exit(0)
""",
        act=_gone_after(_restart),
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "a stopped process",
        Group.PERSISTENCE,
        "Lie frozen where gentle signals never arrive.",
        """
import signal
if os.fork() == 0:
    os.setsid()
    lib.prctl(15, ('d' + $token).encode(), 0, 0, 0)
    signal.alarm(10)
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(0)
""",
        act=_gone_after(Scene.renew),
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "threads and exit functions",
        Group.PERSISTENCE,
        "Leave threads and functions to be run at the end in the next session.",
        """
import atexit, threading
kept = 1
atexit.register(lambda: open('TRAPPED', 'w').close())
threading.Thread(target=time.sleep, args=(8,), name=$token, daemon=True).start()
""",
        act=_clean_after_restart,
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "functions patched for the session after a restart",
        Group.PERSISTENCE,
        "Poison the modules that the next session shares with this one.",
        """
import builtins, json, types
def dumps(*arguments, old=json.dumps, **options): return old(*arguments, **options)
dumps.poisoned = True
json.dumps, builtins.poisoned = dumps, True
sys.modules[$token] = types.ModuleType($token)
""",
        act=_clean_after_restart,
        lasting=True,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "functions patched for the next agent",
        Group.PERSISTENCE,
        "Poison the modules that the next agent's session is forked with.",
        """
import builtins, json, types
def dumps(*arguments, old=json.dumps, **options): return old(*arguments, **options)
dumps.poisoned = True
json.dumps, builtins.poisoned = dumps, True
sys.modules[$token] = types.ModuleType($token)
for name in ('numpy', 'pandas'): __import__(name).poisoned = True
""",
        act=_clean_for_the_next,
        lasting=True,
        shown_on=Weak.REUSED,
    ),
    Attack(
        "startup files of the next session",
        Group.PERSISTENCE,
        "Leave files that a kernel runs when it starts, before anybody watches it.",
        """
folder = os.environ.get('IPYTHONDIR', os.path.expanduser('~/.ipython'))
for place in (folder, os.path.expanduser('~/.ipython')):
    startup = os.path.join(place, 'profile_default', 'startup')
    try:
        os.makedirs(startup, exist_ok=True)
        open(os.path.join(startup, '00-first.py'), 'w').write("""
        + repr(_TRAP)
        + """)
        open(os.path.join(place, 'profile_default', 'ipython_kernel_config.py'), 'w').write("""
        + repr(_TRAP)
        + """)
    except OSError as error: print(error)
""",
        act=_clean_after_restart,
        lasting=True,
        shown_on=Weak.HALF_CAREFUL,
    ),
    Attack(
        "modules that stand before the library's",
        Group.PERSISTENCE,
        "Have the next session import the workspace's files while it comes up.",
        """
for name in {*sys.stdlib_module_names, 'numpy', 'pandas', 'IPython', 'ipykernel', 'zmq', 'tornado', 'traitlets',
             'matplotlib_inline', 'sitecustomize', 'usercustomize', 'decorator', 'pexpect', 'comm', 'psutil',
             'sandboxes'}:
    try: open(name + '.py', 'w').write("""
        + repr(_TRAP)
        + """)
    except OSError: break
""",
        act=_clean_after_restart,
        lasting=True,
        shown_on=Weak.HALF_CAREFUL,
    ),
    Attack(
        "packages of the user",
        Group.PERSISTENCE,
        "Leave modules where the next interpreter looks for those of its user.",
        """
import site
folder = site.getusersitepackages()
os.makedirs(folder, exist_ok=True)
for name in ('usercustomize.py', 'sitecustomize.py', $token + '.pth'):
    open(os.path.join(folder, name), 'w').write("""
        + repr(_TRAP)
        + """)
""",
        act=_clean_after_restart,
        lasting=True,
        shown_on=Weak.HALF_CAREFUL,
    ),
    Attack(
        "files for the next agent",
        Group.PERSISTENCE,
        "Leave files where the next agent finds them.",
        _PLACES
        + """
for place in places:
    try: open(os.path.join(place, 'left-' + $token), 'w').write('message')
    except OSError: pass
""",
        act=_not_found_by_the_next,
        lasting=True,
    ),
)
