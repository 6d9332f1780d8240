// Processes that die, hang and grow, without LibTorch: what becomes of their cases.
#include "harness/isolate/pool.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <set>

#include "harness/isolate/batch.h"

namespace dtypefuzz {
namespace {

constexpr size_t kJobs = 2;

/// What workers and their owner share.
struct Work {
  Remains remains[kJobs];
  std::atomic<int> next{0}, in_flight[kJobs];
};

/// Cases 0 to `last` on a pool, each told by its worker when it is done.
class Pools : public testing::Test {
 protected:
  void SetUp() override {
    terms = {.jobs = kJobs,
             .limits = {.seconds = 0.3, .bytes = uint64_t{256} << 20},
             .remains = [this](size_t job) -> Remains& { return work->remains[job]; },
             .work = [this](size_t job, uint64_t, int pipe) { run_cases(job, pipe); },
             .heard = [this](size_t, const std::string& line) { done.insert(std::stoi(line)); },
             .ended = [this](size_t job, int status) { return ended(job, status); }};
  }

  void run_cases(size_t job, int pipe) {
    for (;;) {
      make_way_if_large();
      const int mine = work->next++;
      if (mine > last) return;
      work->in_flight[job] = mine;
      work->remains[job].begin();
      run_case(mine);
      work->remains[job].end();
      write_line(pipe, std::to_string(mine) + "\n");
    }
  }

  bool ended(size_t job, int status) {
    const Remains& remains = work->remains[job];
    if (remains.since > 0) died[work->in_flight[job]] = {remains.cause, status};
    return status != 0;
  }

  /// The cases that nobody told of, and why.
  std::map<int, std::pair<EndedBy, int>> run() {
    Pool pool(terms);
    while (pool.running()) pool.wait(1000), pool.look_after();
    starts = pool.starts();
    std::set<int> all = done;
    for (const auto& [index, how] : died) EXPECT_TRUE(all.insert(index).second) << index << " told twice";
    EXPECT_EQ(all.size(), static_cast<size_t>(last) + 1) << "cases are lost";
    return died;
  }

  const SharedMemory<Work> work;
  int last = 40;
  std::function<void(int)> run_case = [](int) {};
  Pool::Terms terms;
  std::set<int> done;
  std::map<int, std::pair<EndedBy, int>> died;
  uint64_t starts = 0;
};

TEST_F(Pools, RunEveryCaseOnce) {
  EXPECT_TRUE(run().empty());
  EXPECT_EQ(starts, kJobs);
}

TEST_F(Pools, ReplaceWhatDiesAndLoseNothing) {
  run_case = [](int index) {
    if (index == 7) raise(SIGKILL);
    if (index == 20) _exit(5);
    if (index == 21) std::abort();
  };
  const auto how = run();
  ASSERT_EQ(how.size(), 3u);
  EXPECT_EQ(WTERMSIG(how.at(7).second), SIGKILL);
  EXPECT_EQ(WEXITSTATUS(how.at(20).second), 5);
  EXPECT_EQ(WTERMSIG(how.at(21).second), SIGABRT);
  for (const auto& [index, end] : how) EXPECT_EQ(end.first, EndedBy::status);
  EXPECT_EQ(starts, kJobs + 3);
}

TEST_F(Pools, EndWhatHangsWhetherItCanEndItselfOrNot) {
  terms.grace = 0.1;
  run_case = [](int index) {
    sigset_t all;
    sigfillset(&all);
    if (index == 30) sigprocmask(SIG_SETMASK, &all, nullptr);  // its own clock is not heard any more
    while (index == 10 || index == 30) usleep(1000);
  };
  const auto how = run();
  ASSERT_EQ(how.size(), 2u);
  EXPECT_EQ(how.at(10).first, EndedBy::hang);
  EXPECT_EQ(how.at(30).first, EndedBy::hang);
}

TEST_F(Pools, EndWhatTakesTooMuchAndReplaceWhatHasGrown) {
  terms.limits.seconds = 20;
  const auto take = [](size_t bytes) {
    static std::vector<std::string> kept;
    kept.emplace_back(bytes, 'x');
    usleep(150'000);  // the guard looks every 50 ms
  };
  run_case = [take](int index) {
    if (index == 5) take(size_t{160} << 20);  // more than half: no case is blamed
    if (index == 25) take(size_t{400} << 20);
  };
  const auto how = run();
  ASSERT_EQ(how.size(), 1u);
  EXPECT_EQ(how.at(25).first, EndedBy::memory);
  EXPECT_EQ(starts, kJobs + 2);
}

TEST_F(Pools, CountTheWorkersOfBefore) {
  terms.starts = 40;
  run();
  EXPECT_EQ(starts, 40 + kJobs);
}

TEST_F(Pools, EndTheirWorkersWhenTheyEnd) {
  std::atomic<pid_t>* const pid = &reinterpret_cast<std::atomic<pid_t>&>(work->in_flight[0]);
  terms.jobs = 1;
  terms.work = [pid](size_t, uint64_t, int pipe) {
    *pid = getpid();
    write_line(pipe, "0\n");
    for (;;) pause();
  };
  {
    Pool pool(terms);
    while (done.empty()) pool.wait(1000), pool.look_after();
    EXPECT_EQ(kill(*pid, 0), 0);
  }
  EXPECT_EQ(kill(*pid, 0), -1);
}

TEST(Processes, AnErrorEndsThemWithItsCode) {
  Child child = forked([](int pipe) {
    write_line(pipe, "so far");
    fail_environment("the disk is full");
  });
  while (child.read()) usleep(1000);
  EXPECT_EQ(child.text, "so far");
  EXPECT_EQ(WEXITSTATUS(child.wait()), Error::kEnvironment);
  EXPECT_FALSE(child.running());
}

TEST(Batches, GiveWhatEachItemGaveInTheirOrderAndLoseNoneButThoseThatEndTheirProcess) {
  for (const size_t jobs : {size_t{1}, size_t{3}}) {
    const auto given = in_batches(40, {.jobs = jobs}, [](size_t i) -> std::string {
      if (i == 7) std::abort();
      if (i == 20) _exit(0);
      return "item " + std::to_string(i);
    });
    ASSERT_EQ(given.size(), 40u);
    for (size_t i = 0; i < given.size(); ++i)
      EXPECT_EQ(given[i], i == 7 || i == 20 ? std::nullopt : std::optional("item " + std::to_string(i)))
          << jobs;
  }
  EXPECT_TRUE(in_batches(0, {}, [](size_t) { return std::string(); }).empty());
}

TEST(Batches, StopWhereTheyAreTold) {
  bool stops = false;
  const auto given = in_batches(1000, {.stops = [&] { return std::exchange(stops, true); }}, [](size_t i) {
    usleep(10'000);
    return std::to_string(i);
  });
  EXPECT_LT(std::ranges::count_if(given, [](const auto& one) { return one.has_value(); }), 1000);
}

}  // namespace
}  // namespace dtypefuzz
