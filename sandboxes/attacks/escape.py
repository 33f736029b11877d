"""Attacks on the walls: namespaces, mounts, rights, and the kernel of the host itself.

Whatever changes a namespace or a mount runs in a child of the session, inside a mount namespace of its own where it
can have one, so that success stays there.
"""

from __future__ import annotations

from pathlib import Path

from sandboxes.attacks.attack import Attack, Group, Verdict, leak, proof_came_out, refusal, shut
from sandboxes.attacks.scene import Scene

_CGROUPS = Path("/sys/fs/cgroup")


def _no_cgroup_made(scene: Scene, attack: Attack) -> Verdict:
    result = scene.run(attack.code)
    made = [p for pattern in (f"*{scene.token}*", f"*/*{scene.token}*") for p in _CGROUPS.glob(pattern)]
    for path in made:
        path.rmdir()
    return leak(f"the control group {made[0].name} was made") if made else shut(refusal(result))


_NAMESPACE = """
def enter():
    before = os.readlink('/proc/self/ns/{kind}')
    call('unshare', {flag})
    if {flag} == 0x20000000: return $proof + ' the next child starts a process namespace'
    after = os.readlink('/proc/self/ns/{kind}')
    return $proof + ' ' + before + ' became ' + after if before != after else 'nothing changed'
print(in_child(enter))
"""
_PRIVATE_MOUNTS = """
def private(action):
    def run():
        try:
            call('unshare', 0x20000)
            call('mount', None, b'/', None, 0x44000, None)
        except OSError:
            pass  # where that is refused, the mount itself is tried all the same
        return action()
    return run
"""


def _unshare(kind: str, flag: int, aim: str) -> Attack:
    return Attack(
        f"a {kind} namespace of its own",
        Group.ESCAPE,
        aim,
        _NAMESPACE.format(kind={"mount": "mnt", "process": "pid", "network": "net"}.get(kind, kind), flag=hex(flag)),
        judge=proof_came_out,
        needs_root=kind != "user",
    )


def _in_kernel(name: str, aim: str, code: str, *, needs_root: bool = False) -> Attack:
    return Attack(f"system call {name}", Group.ESCAPE, aim, code, judge=proof_came_out, needs_root=needs_root)


_NUMBERS = """
import platform
x86 = platform.machine() == 'x86_64'
"""

ATTACKS = (
    _unshare("user", 0x10000000, "Become root of a user namespace, from where most of the kernel can be reached."),
    _unshare("mount", 0x20000, "Have mounts of its own."),
    _unshare("process", 0x20000000, "Hide processes from whoever ends them."),
    _unshare("network", 0x40000000, "Have network devices of its own."),
    Attack(
        "namespaces by clone",
        Group.ESCAPE,
        "Get a new namespace by the flags of clone or clone3, past a filter of unshare.",
        _NUMBERS
        + """
import struct
def by_clone():
    flags = 0x10000000 | 17
    pid = call('syscall', 56 if x86 else 220, flags, 0, 0, 0, 0)
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
    return 'clone'
def by_clone3():
    asked = struct.pack('8Q', 0x10000000, 0, 0, 0, 17, 0, 0, 0)
    pid = call('syscall', 435, asked, 64)
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
    return 'clone3'
print($proof, 'a process was made by', in_child(lambda: first(by_clone, by_clone3)), 'in a user namespace of its own')
""",
        judge=proof_came_out,
    ),
    Attack(
        "namespaces of other processes",
        Group.ESCAPE,
        "Enter the namespaces of a process of the host.",
        """
def enter():
    for pid in (1, $host, $witness, os.getppid()):
        for kind in ('user', 'mnt', 'net', 'ipc', 'uts', 'cgroup'):
            try:
                fd = os.open(f'/proc/{pid}/ns/{kind}', os.O_RDONLY)
                call('setns', fd, 0)
                return f'the {kind} namespace of process {pid}'
            except OSError as error: refused = error
    raise refused
print($proof, 'entered', in_child(enter))
""",
        judge=proof_came_out,
        needs_root=True,
    ),
    Attack(
        "a mount",
        Group.ESCAPE,
        "Mount a file system over one of the host's, by the old calls or the new ones.",
        _PRIVATE_MOUNTS
        + """
for folder in ('here', 'there'): os.makedirs(folder, exist_ok=True)
def mount(): return call('mount', b'tmpfs', b'there', b'tmpfs', 0, b'size=64k')
def bind(): return call('mount', b'here', b'there', None, 4096, None)
def new(): return call('syscall', 430, b'tmpfs', 0)
print($proof, 'mounted', in_child(private(lambda: first(mount, bind, new))))
""",
        judge=proof_came_out,
        needs_root=True,
    ),
    Attack(
        "read-only mounts made writable",
        Group.ESCAPE,
        "Turn what is shown read-only into something to write to.",
        _PRIVATE_MOUNTS
        + """
def remount(path): return lambda: call('mount', None, path, None, 32 | 4096, None)
print($proof, 'remounted', in_child(private(lambda: first(*map(remount, (b'/', b'/usr', b'public'))))))
""",
        judge=proof_came_out,
        needs_root=True,
    ),
    Attack(
        "another root",
        Group.ESCAPE,
        "Change the root folder, and climb out of it with a folder kept open.",
        """
def climb():
    fd = os.open('/', os.O_RDONLY)
    call('chroot', b'.')
    os.fchdir(fd)
    return 'the root was changed'
print($proof, in_child(climb))
""",
        judge=proof_came_out,
        needs_root=True,
    ),
    Attack(
        "capabilities",
        Group.ESCAPE,
        "Have rights of root, or take them back.",
        """
import struct
def take():
    for action in (lambda: os.setresuid(0, 0, 0), lambda: os.setresgid(0, 0, 0), lambda: os.setgroups([0]),
                   lambda: call('capset', struct.pack('Ii', 0x20080522, 0), b'\\xff' * 24)):
        try: action()
        except OSError as error: refused = error
    lines = dict(l.split(':') for l in open('/proc/self/status'))
    held = {n: lines[n].strip() for n in ('CapEff', 'CapPrm', 'CapInh', 'CapAmb') if int(lines[n], 16)}
    if held: return $proof + str(held)
    raise refused
print(in_child(take))
""",
        judge=proof_came_out,
        needs_root=True,
    ),
    Attack(
        "files of control groups",
        Group.ESCAPE,
        "Leave the group whose limits hold, or make one without any.",
        """
import glob
places = glob.glob('/sys/fs/cgroup') + glob.glob('/sys/fs/cgroup/*') + glob.glob('/sys/fs/cgroup/*/*')
folders = [p for p in places if os.path.isdir(p)]
if not folders: raise OSError('no control group is in sight')
first(*[lambda p=p: os.mkdir(os.path.join(p, $token)) for p in folders])
""",
        act=_no_cgroup_made,
        needs_root=True,
    ),
    Attack(
        "settings of the kernel",
        Group.ESCAPE,
        "Open the kernel's settings and its emergency keys for writing.",
        """
names = ('/proc/sys/kernel/core_pattern', '/proc/sys/kernel/modprobe', '/proc/sysrq-trigger',
         '/proc/sys/vm/panic_on_oom', '/sys/kernel/uevent_helper')
def opened(name):
    def action():
        os.close(os.open(name, os.O_WRONLY))
        print($proof, name, 'opened for writing')
    return action
first(*map(opened, names))
""",
        judge=proof_came_out,
        needs_root=True,
    ),
    Attack(
        "devices",
        Group.ESCAPE,
        "Open disks and memory of the host, or make nodes for them.",
        """
import glob, stat
def made():
    os.mknod('node', 0o600 | stat.S_IFCHR, os.makedev(1, 8))
    try: return os.open('node', os.O_RDONLY)
    finally: os.unlink('node')
names = ['/dev/mem', '/dev/kmsg', '/dev/fuse', '/dev/kvm', '/dev/loop-control', *glob.glob('/dev/[sv]d[a-z]')]
fd = first(made, *[lambda n=n: os.open(n, os.O_RDONLY) for n in names])
print($proof, 'opened', os.readlink(f'/proc/self/fd/{fd}'))
os.close(fd)
""",
        judge=proof_came_out,
        needs_root=True,
    ),
    _in_kernel(
        "bpf",
        "Load programs into the kernel.",
        _NUMBERS
        + """
import struct
attributes = struct.pack('4I', 2, 4, 4, 1) + bytes(112)
print($proof, 'made a map', call('syscall', 321 if x86 else 280, 0, attributes, 128))
""",
        needs_root=True,
    ),
    _in_kernel(
        "perf_event_open",
        "Watch what the kernel and other processes do.",
        _NUMBERS
        + """
import struct
attributes = struct.pack('IIQ', 1, 120, 0) + bytes(104)
print($proof, 'made a counter', call('syscall', 298 if x86 else 241, attributes, -1, 0, -1, 0))
""",
        needs_root=True,
    ),
    _in_kernel(
        "add_key",
        "Leave or find keys in the key ring that the host's user shares.",
        _NUMBERS
        + """
print($proof, 'added key', call('syscall', 248 if x86 else 217, b'user', $token.encode(), b'x', 1, -1))
""",
    ),
    _in_kernel(
        "userfaultfd",
        "Hold the kernel up in the middle of a copy, as many exploits do.",
        _NUMBERS + "print($proof, 'descriptor', call('syscall', 323 if x86 else 282, 1))",
    ),
    _in_kernel(
        "io_uring",
        "Make system calls that no filter sees.",
        "print($proof, 'descriptor', call('syscall', 425, 1, ctypes.create_string_buffer(120)))",
    ),
    _in_kernel(
        "syslog",
        "Read the kernel's log, where addresses and names of the host stand.",
        "print($proof, 'bytes of the log', call('klogctl', 3, ctypes.create_string_buffer(64), 64))",
        needs_root=True,
    ),
    _in_kernel(
        "ioctl TIOCSTI",
        "Type into the terminal of whoever started this.",
        """
import fcntl
own, other = os.openpty()
def push(): return fcntl.ioctl(other, 0x5412, b'x')
print($proof, 'typed', push())
""",
        needs_root=True,
    ),
    _in_kernel(
        "memfd_create",
        "Run a program that lies in no file, in memory that no quota counts.",
        _NUMBERS + "print($proof, 'descriptor', call('syscall', 319 if x86 else 279, b'x', 0))",
    ),
)
