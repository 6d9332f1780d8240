#include "harness/isolate/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace dtypefuzz {

bool Child::read() {
  for (char buffer[65536];;) {
    const ssize_t n = ::read(pipe, buffer, sizeof buffer);
    if (n > 0)
      text.append(buffer, static_cast<size_t>(n));
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
      return false;
    else if (errno == EAGAIN)
      return true;
  }
}

int Child::wait() {
  close(pipe);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  pid = pipe = -1;
  return status;
}

void Child::end() {
  if (!running()) return;
  kill(pid, SIGKILL);
  wait();
}

Child forked(const std::function<void(int pipe)>& work) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail_environment("no pipe: {}", std::strerror(errno));
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  std::fflush(nullptr);  // else a case that calls exit() would print our lines again
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) fail_environment("cannot start a process: {}", std::strerror(errno));
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(3);  // it died before we asked
    // The parent says when to end, so that nothing in flight is lost.
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    close(ends[0]);
    int code = 0;
    try {
      work(ends[1]);
    } catch (const Error& e) {
      fmt::print(stderr, "dtypefuzz: {}\n", e.what());
      code = e.exit_code();
    }
    std::fflush(stderr);
    _exit(code);
  }
  close(ends[1]);
  return {.pid = pid, .pipe = ends[0]};
}

void write_line(int pipe, std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = write(pipe, line.data(), line.size());
    if (n <= 0 && errno != EINTR) _exit(3);
    if (n > 0) line.remove_prefix(static_cast<size_t>(n));
  }
}

int attend(Child& child, Remains& remains, double seconds) {
  for (double idle_since = now();;) {
    pollfd wait{child.pipe, POLLIN, 0};
    const int ready = poll(&wait, 1, 200);
    if (ready > 0 && !child.read()) break;
    const double since = remains.since;
    if (since > 0) idle_since = now();
    if (now() - (since > 0 ? since : idle_since) <= seconds + kGraceSeconds) continue;
    remains.cause = EndedBy::hang;
    kill(child.pid, SIGKILL);
    break;
  }
  return child.wait();
}

}  // namespace dtypefuzz
