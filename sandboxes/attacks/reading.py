"""Attacks on the answers by file names, descriptors and what a session is born with."""

from __future__ import annotations

from sandboxes.attacks.attack import Attack, Group, Verdict, Weak, proof_came_out, secret_came_out
from sandboxes.attacks.scene import Scene


def _after_the_sibling_is_up(scene: Scene, attack: Attack) -> Verdict:
    if scene.usable(scene.sibling):
        raise AssertionError("the sibling does not work")
    judge = attack.judge or secret_came_out
    return judge(scene, scene.run(attack.code))


def _in_a_fresh_session(scene: Scene, attack: Attack) -> Verdict:
    scene.renew()  # an attack that succeeded before has left the secret in its own session's memory
    return secret_came_out(scene, scene.run(attack.code))


ATTACKS = (
    Attack(
        "answers by absolute path",
        Group.READING,
        "Read the answers where they lie.",
        "print(open($answers).read())",
    ),
    Attack(
        "answers beside the public data",
        Group.READING,
        "Step out of the public folder into the private one next to it.",
        """
def behind(folder):
    return lambda: open(os.path.join(folder, '..', 'private', 'test_answer.csv')).read()
print(first(behind('public'), behind(os.path.realpath('public')), behind('/proc/self/cwd/public')))
""",
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "answers through links",
        Group.READING,
        "Make a link to the answers in the own workspace and open that.",
        """
def by(link, name):
    def read():
        link($answers, name)
        return open(name).read()
    return read
try:
    print(first(by(os.symlink, 'soft.csv'), by(os.link, 'hard.csv')))
finally:
    for name in ('soft.csv', 'hard.csv'):
        if os.path.lexists(name): os.unlink(name)
""",
    ),
    Attack(
        "answers from a shell",
        Group.READING,
        "Let another program read the answers.",
        """
import subprocess
done = subprocess.run(['/bin/cat', $answers], capture_output=True, text=True)
print(done.stdout, done.stderr)
""",
    ),
    Attack(
        "search of the whole file system",
        Group.READING,
        "Find the answers without knowing where they are.",
        """
end, found, name = time.monotonic() + 6, [], os.path.basename($folder)
for top in ('/tmp', '/', '..'):
    for folder, folders, files in os.walk(top):
        folders[:] = [f for f in folders if folder.count('/') < 6 and (folder != '/' or f not in
                      ('usr', 'sys', 'lib', 'proc', 'nix', 'dev'))]
        if 'test_answer.csv' in files and name in folder:
            try: found.append(open(os.path.join(folder, 'test_answer.csv')).read())
            except OSError: pass
        if found or time.monotonic() > end: break
print(found or 'nothing found')
""",
    ),
    Attack(
        "roots and folders of other processes",
        Group.READING,
        "Reach the answers through the root or the working folder of another process.",
        """
pids = ('self', 1, os.getppid(), $host, $witness)
ways = [f'/proc/{p}/root' + $answers for p in pids] + [f'/proc/{p}/cwd/test_answer.csv' for p in pids]
print(first(*[lambda way=way: open(way).read() for way in ways]))
""",
    ),
    Attack(
        "open descriptors of other processes",
        Group.READING,
        "Open again what another process has open.",
        "print(open(f'/proc/{$witness}/fd/{$fd}').read())",
    ),
    Attack(
        "environment of other processes",
        Group.READING,
        "Read keys from the environment of a process of the host.",
        "print(open('/proc/%d/environ' % $witness).read())",
    ),
    Attack(
        "command lines of other processes",
        Group.READING,
        "Read keys from the command line of a process of the host.",
        "print(open('/proc/%d/cmdline' % $witness).read())",
    ),
    Attack(
        "answers by file handle",
        Group.READING,
        "Open the answers by the number their file system knows them by, past every folder.",
        """
import struct
if $handle is None: raise OSError('the file system of the host has no handles')
kind, data = $handle
class Handle(ctypes.Structure):
    _fields_ = [('size', ctypes.c_uint), ('kind', ctypes.c_int), ('data', ctypes.c_char * 128)]
handle = Handle(len(data), kind, data)
def below(place):
    def read():
        folder = os.open(place, os.O_RDONLY)
        try:
            fd = call('open_by_handle_at', folder, ctypes.byref(handle), os.O_RDONLY)
            return os.pread(fd, 200, 0).decode()
        finally:
            os.close(folder)
    return read
print(first(*map(below, ('.', 'public', '/', '/usr', '/tmp'))))
""",
        needs_root=True,
    ),
    Attack(
        "descriptors that the session is born with",
        Group.READING,
        "Read, or climb out of, every descriptor that was open before the first line ran.",
        """
found = []
for fd in range(3, 1024):
    for read in (lambda: os.pread(fd, 200, 0), lambda: str(os.listdir(fd)).encode(),
                 lambda: os.read(os.open($answers.lstrip('/'), os.O_RDONLY, dir_fd=fd), 200)):
        try: found.append(read())
        except OSError: pass
print(found)
""",
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "environment of the session",
        Group.READING,
        "Find the host's keys among the own variables.",
        "print(dict(os.environ))\nprint(open('/proc/self/environ', errors='replace').read())",
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "memory that the session inherited",
        Group.READING,
        "Find the host's secrets in the memory that the own process was forked with.",
        """
needle, found, left = b'secr' + b'et-', set(), 600 << 20
with open('/proc/self/mem', 'rb', 0) as memory:
    for line in open('/proc/self/maps'):
        span, rights = line.split()[:2]
        start, end = (int(x, 16) for x in span.split('-'))
        if 'rw' not in rights or left <= 0 or '[v' in line: continue
        try:
            memory.seek(start)
            data = memory.read(min(end - start, left))
        except (OSError, ValueError, MemoryError): continue
        left -= len(data)
        at = data.find(needle)
        while at >= 0 and len(found) < 500:
            found.add(data[at:at + 31].decode(errors='replace'))
            at = data.find(needle, at + 1)
print(found or 'nothing found')
""",
        act=_in_a_fresh_session,
        shown_on=Weak.TRUSTING,
    ),
    Attack(
        "memory of the processes above",
        Group.READING,
        "Read the memory of the supervisor, the fork server and the host, parent by parent.",
        """
def parent(pid):
    return next(int(l.split()[1]) for l in open(f'/proc/{pid}/status') if l.startswith('PPid'))
def read(pid):
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        memory.seek(int(maps.readline().split('-')[0], 16))
        if memory.read(4) == b'\\x7fELF': print($proof, 'the memory of process', pid, 'above was read')
pid, above = os.getpid(), [os.getppid(), 1]
try:
    while pid > 1:
        pid = parent(pid)
        above.append(pid)
except OSError:
    pass
refused = None
for pid in above:
    try: read(pid)
    except OSError as error: refused = error
if refused: raise refused
""",
        judge=proof_came_out,
    ),
    Attack(
        "files of a sibling",
        Group.READING,
        "Read what another agent keeps in its workspace.",
        """
import glob
name = 'mine-' + $token
pids = [p for p in os.listdir('/proc') if p.isdigit()]
ways = [f'/proc/{p}/{place}/{name}' for p in pids for place in ('cwd', 'root/workspace')]
for pattern in ('/tmp/*/work/', '/tmp/*/', '/*/', '../../*/work/', '../*/'): ways += glob.glob(pattern + name)
print(first(*[lambda way=way: open(way).read() for way in ways]))
""",
        act=_after_the_sibling_is_up,
    ),
    Attack(
        "sockets of a sibling",
        Group.READING,
        "Call the sockets of another agent's session, and get its greeting.",
        """
import socket
theirs, own = $sibling, get_ipython().kernel.parent.ip
def greeted_by(path):
    def ask():
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(1)
            s.connect(path)
            if s.recv(1) == b'\\xff': print($proof, 'the socket', os.path.basename(path), 'answered')
    return ask
if theirs == own: raise OSError('the sibling has sockets of the same name in a folder of its own')
first(*[greeted_by(f'{theirs}-{n}') for n in range(1, 6)])
""",
        judge=proof_came_out,
        act=_after_the_sibling_is_up,
    ),
)
