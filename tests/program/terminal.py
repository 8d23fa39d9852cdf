"""Runs a program on a terminal of its own: TEXT-TO-WAIT-FOR TEXT-TO-TYPE ... -- PROGRAM ARGUMENTS"""
import os, pty, select, sys, time

arguments = sys.argv[1:]
cut = arguments.index("--")
dialogue, program = arguments[:cut], arguments[cut + 1:]
child, terminal = pty.fork()
if child == 0:
    os.execv(program[0], program)
said, begin = b"", time.time()
while time.time() < begin + 90:
    ready, _, _ = select.select([terminal], [], [], 0.2)
    if ready:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        said += piece
    if dialogue and dialogue[0].encode() in said:
        time.sleep(0.3)
        os.write(terminal, dialogue[1].encode())
        dialogue = dialogue[2:]
else:
    os.kill(child, 9)
_, status = os.waitpid(child, 0)
print(said.decode(errors="replace"))
print("signal %d" % os.WTERMSIG(status) if os.WIFSIGNALED(status) else "exit %d" % os.WEXITSTATUS(status))
