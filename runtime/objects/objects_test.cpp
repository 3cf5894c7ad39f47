// Pipes, sockets, counters, timers and epoll as their callers see them, without waiting.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <string>

#include "runtime/objects/epoll.hpp"
#include "runtime/objects/event_counter.hpp"
#include "runtime/objects/local_socket.hpp"
#include "runtime/objects/objects_hosted.hpp"
#include "runtime/objects/pipe.hpp"
#include "runtime/objects/timer_file.hpp"

namespace enclavisor::runtime {
namespace {

Buffers buffers(void* bytes, std::uint64_t size) {
    return {reinterpret_cast<Address>(bytes), size};
}
std::int64_t write(OpenFile& file, std::string_view text) {
    return file.write({reinterpret_cast<Address>(text.data()), text.size()}, kPosition);
}
std::string read(OpenFile& file, std::uint64_t size, std::int64_t expected = 0) {
    std::string text(size, '\0');
    const std::int64_t count = file.read({reinterpret_cast<Address>(text.data()), size}, kPosition);
    if (count < 0) {
        EXPECT_EQ(count, expected);
        return {};
    }
    return text.substr(0, static_cast<std::size_t>(count));
}

// A file of the host's, as far as epoll sees it.
class FakeHostFile final : public OpenFile {
public:
    FakeHostFile() : OpenFile{O_RDWR}, fd_{::eventfd(0, EFD_NONBLOCK)} {}
    ~FakeHostFile() override { ::close(fd_); }
    int host_fd() const override { return fd_; }
    bool can_epoll() const override { return true; }
    short readiness() override { return 0; }
    void signal() const { EXPECT_EQ(::eventfd_write(fd_, 1), 0); }

private:
    int fd_;
};

// --- Pipes ----------------------------------------------------------------------

TEST(PipeTest, AgainstAString) {
    auto [reader, writer] = make_pipe(O_NONBLOCK);
    std::mt19937 random{1};
    std::string model;
    std::uint64_t written = 0;
    for (int round = 0; round < 20'000; round++) {
        if (random() % 2 != 0) {
            std::string text(1 + random() % (random() % 8 == 0 ? 100'000 : 5'000), '\0');
            for (char& c : text) c = static_cast<char>(written++ * 7 >> 3);
            const std::int64_t count = write(*writer, text);
            written -= text.size() - static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
            if (count == -EAGAIN) {
                ASSERT_GT(model.size() + text.size() + kPipePage, kPipeSize);
                continue;
            }
            ASSERT_GT(count, 0);
            if (text.size() <= kPipePage) {
                ASSERT_EQ(count, static_cast<std::int64_t>(text.size()));
            }
            model += text.substr(0, static_cast<std::size_t>(count));
            ASSERT_LE(model.size(), kPipeSize);
        } else {
            const std::string got = read(*reader, 1 + random() % 9'000, -EAGAIN);
            ASSERT_EQ(got, model.substr(0, got.size()));
            ASSERT_EQ(got.empty(), model.empty());
            model.erase(0, got.size());
        }
        ASSERT_EQ((reader->readiness() & POLLIN) != 0, !model.empty());
        if (random() % 1000 == 0) {
            const std::uint64_t size = kPipePage << random() % 6;
            const std::int64_t result = writer->pipe_size(size);
            ASSERT_EQ(result, size < model.size() ? -EBUSY : static_cast<std::int64_t>(size));
            if (model.size() <= kPipeSize) {
                ASSERT_EQ(writer->pipe_size(kPipeSize), static_cast<std::int64_t>(kPipeSize));
            }
        }
    }
}

// A write that must be whole waits although there is some room: it has to hear of more.
TEST(PipeTest, SmallWritesHearOfEveryBitOfRoom) {
    class Listener final : public Waiter {
    public:
        void notify(short) override { heard++; }
        int heard = 0;
    } listener;
    auto [reader, writer] = make_pipe(O_NONBLOCK);
    EXPECT_EQ(write(*writer, std::string(kPipeSize - 100, 'x')), static_cast<std::int64_t>(kPipeSize - 100));
    EXPECT_EQ(write(*writer, std::string(600, 'y')), -EAGAIN);
    listener.interest = POLLOUT;
    writer->queue()->add(listener);
    read(*reader, kPipePage);
    EXPECT_EQ(listener.heard, 1);
    EXPECT_EQ(write(*writer, std::string(600, 'y')), 600);
    writer->queue()->remove(listener);
}

TEST(PipeTest, EndsKnowOfEachOther) {
    auto [reader, writer] = make_pipe(O_NONBLOCK);
    EXPECT_EQ(reader->readiness(), 0);
    EXPECT_EQ(writer->readiness(), kWritable);
    write(*writer, "left");
    writer = {};
    EXPECT_EQ(reader->readiness(), kReadable | POLLHUP);
    EXPECT_EQ(read(*reader, 10), "left");
    EXPECT_EQ(read(*reader, 10), "");
    auto [reader2, writer2] = make_pipe(0);
    reader2 = {};
    EXPECT_EQ(writer2->readiness(), kWritable | POLLERR);
    EXPECT_EQ(write(*writer2, "x"), -EPIPE);
}

// --- Sockets --------------------------------------------------------------------

TEST(LocalSocketTest, StreamAgainstAString) {
    auto [first, second] = make_socket_pair(SOCK_STREAM, O_NONBLOCK);
    std::mt19937 random{2};
    std::string model;
    int full = 0;
    for (int round = 0; round < 20'000; round++) {
        if (random() % 2 != 0) {
            const std::string text(1 + random() % (random() % 8 == 0 ? 100'000 : 300),
                                   static_cast<char>(random()));
            const std::int64_t count = write(*first, text);
            if (count == -EAGAIN) {
                full++;
                EXPECT_FALSE(first->readiness() & POLLOUT);
                continue;
            }
            ASSERT_GT(count, 0);
            model += text.substr(0, static_cast<std::size_t>(count));
        } else {
            const std::string got = read(*second, 1 + random() % 20'000, -EAGAIN);
            ASSERT_EQ(got, model.substr(0, got.size()));
            ASSERT_EQ(got.empty(), model.empty());
            model.erase(0, got.size());
        }
        int bytes;
        ASSERT_EQ(second->control(0x541b /* FIONREAD */, reinterpret_cast<Address>(&bytes)), 0);
        ASSERT_EQ(static_cast<std::size_t>(bytes), model.size());
    }
    EXPECT_GT(full, 0);
}

// A socket that travels through itself, and files that nobody receives.
TEST(LocalSocketTest, FilesTravelAndAreClosed) {
    auto [reader, writer] = make_pipe(O_NONBLOCK);
    {
        auto [first, second] = make_socket_pair(SOCK_DGRAM, O_NONBLOCK);
        EXPECT_EQ(first->local_socket()->send(buffers(nullptr, 0), 0, {writer}), 0);
        EXPECT_EQ(first->local_socket()->send(buffers(nullptr, 0), 0, {writer}), 0);
        writer = {};
        char byte;
        LocalSocket::Received received;
        EXPECT_EQ(second->local_socket()->receive(buffers(&byte, 1), 0, received), 0);
        ASSERT_EQ(received.files.size(), 1u);
        EXPECT_EQ(write(*received.files[0], "through"), 7);
        received.files.clear();
        EXPECT_FALSE(reader->readiness() & POLLHUP);
    }
    EXPECT_EQ(reader->readiness(), kReadable | POLLHUP);
}

TEST(LocalSocketTest, UnreadDataResetTheOther) {
    auto [first, second] = make_socket_pair(SOCK_STREAM, O_NONBLOCK);
    write(*first, "unread");
    second = {};
    EXPECT_TRUE(first->readiness() & POLLERR);
    read(*first, 1, -ECONNRESET);
    EXPECT_EQ(read(*first, 1), "");
    EXPECT_EQ(write(*first, "x"), -EPIPE);
}

// --- Counters and timers --------------------------------------------------------

TEST(EventCounterTest, CountsAndOverflows) {
    EventCounter counter{O_RDWR | O_NONBLOCK, 0, false};
    std::uint64_t value = ~0ull - 1;
    EXPECT_EQ(counter.write(buffers(&value, 8), kPosition), 8);
    EXPECT_EQ(counter.readiness(), POLLIN);
    value = 1;
    EXPECT_EQ(counter.write(buffers(&value, 8), kPosition), -EAGAIN);
    EXPECT_EQ(counter.read(buffers(&value, 8), kPosition), 8);
    EXPECT_EQ(value, ~0ull - 1);
    EXPECT_EQ(counter.readiness(), POLLOUT);
    value = ~0ull;
    EXPECT_EQ(counter.write(buffers(&value, 8), kPosition), -EINVAL);
}

class TimerTest : public testing::Test {
protected:
    TimerTest() { clock_.start(&data_, 1'000'000, 5'000'000'000, 1'000'000'000); }
    // The clock shows what the counter was last: so it is turned.
    void pass(std::uint64_t nanoseconds) { data_.monotonic_ns += nanoseconds; }
    std::uint64_t take() {
        std::uint64_t count = 0;
        const std::int64_t result = timer_.read(buffers(&count, 8), kPosition);
        if (result == -EAGAIN) return 0;
        EXPECT_EQ(result, 8);
        return count;
    }
    static constexpr std::uint64_t kSecond = 1'000'000'000;

    TimeData data_{};
    Clock clock_;
    TimerFile timer_{O_RDWR | O_NONBLOCK, clock_, ClockKind::kMonotonic};
};

TEST_F(TimerTest, Once) {
    EXPECT_EQ(timer_.refresh(), 0u);
    timer_.set(timer_.now() + 100 * kSecond, 0);
    EXPECT_EQ(take(), 0u);
    EXPECT_GT(timer_.refresh(), timer_.now());
    pass(100 * kSecond);
    EXPECT_EQ(timer_.readiness(), POLLIN);
    EXPECT_EQ(timer_.refresh(), 0u);
    EXPECT_EQ(take(), 1u);
    EXPECT_EQ(take(), 0u);
    EXPECT_EQ(timer_.left(), 0u);
}

TEST_F(TimerTest, AtIntervals) {
    timer_.set(timer_.now() + 100 * kSecond, 10 * kSecond);
    pass(145 * kSecond);
    EXPECT_EQ(take(), 5u);
    EXPECT_LE(timer_.left(), 5 * kSecond);
    pass(10 * kSecond);
    EXPECT_EQ(take(), 1u);
    timer_.set(0, 0);
    pass(100 * kSecond);
    EXPECT_EQ(take(), 0u);
}

TEST_F(TimerTest, EachExpiryIsAnEdgeForEpoll) {
    const auto timer = make_ref<TimerFile>(O_RDWR, clock_, ClockKind::kMonotonic);
    const auto epoll = make_ref<Epoll>(O_RDWR);
    ASSERT_EQ(epoll->add(5, timer, {EPOLLIN | EPOLLET, {.u64 = 1}}), 0);
    timer->set(timer->now() + kSecond, 10 * kSecond);
    for (const int expected : {0, 1, 0, 1, 0}) {
        Epoll::Events events;
        epoll->collect(events, 8);
        EXPECT_EQ(events.size(), static_cast<std::size_t>(expected));
        if (expected == 0) pass(10 * kSecond);
        if (expected == 0) continue;
        events.clear();
        epoll->collect(events, 8);
        EXPECT_TRUE(events.empty());
    }
}

// --- Epoll ----------------------------------------------------------------------

class EpollTest : public testing::Test {
protected:
    static Ref<EventCounter> counter(std::uint64_t value) {
        return make_ref<EventCounter>(O_RDWR | O_NONBLOCK, value, false);
    }
    static epoll_event event(std::uint32_t events, std::uint64_t data) {
        epoll_event result{};
        result.events = events;
        result.data.u64 = data;
        return result;
    }
    std::vector<std::uint64_t> inside(std::size_t most = 16) {
        Epoll::Events events;
        epoll_->collect(events, most);
        return data_of(events);
    }
    // What an honest host's epoll says, or what is `said`.
    std::vector<std::uint64_t> at_host() {
        epoll_event said[16];
        const int count = ::epoll_wait(epoll_->poll_fd(), said, 16, 0);
        EXPECT_GE(count, 0);
        auto result = from_host({said, static_cast<std::size_t>(std::max(count, 0))});
        std::sort(result.begin(), result.end());
        return result;
    }
    std::vector<std::uint64_t> from_host(std::span<const epoll_event> said) {
        Epoll::Events events;
        epoll_->collect_host(said, events);
        return data_of(events);
    }
    static std::vector<std::uint64_t> data_of(const Epoll::Events& events) {
        std::vector<std::uint64_t> result;
        for (const epoll_event& e : events) result.push_back(e.data.u64);
        return result;
    }
    using Data = std::vector<std::uint64_t>;

    Ref<Epoll> epoll_ = make_ref<Epoll>(O_RDWR);
};

TEST_F(EpollTest, LevelsEdgesAndOneShot) {
    const auto level = counter(1), edge = counter(1), once = counter(1);
    ASSERT_EQ(epoll_->add(3, level, event(EPOLLIN, 30)), 0);
    ASSERT_EQ(epoll_->add(4, edge, event(EPOLLIN | EPOLLET, 40)), 0);
    ASSERT_EQ(epoll_->add(5, once, event(EPOLLIN | EPOLLONESHOT, 50)), 0);
    EXPECT_EQ(epoll_->add(5, once, event(EPOLLIN, 51)), -EEXIST);
    EXPECT_EQ(epoll_->readiness(), kReadable);
    EXPECT_EQ(inside(), (Data{30, 40, 50}));
    EXPECT_EQ(inside(), (Data{30}));
    const std::uint64_t one = 1;
    for (const auto& file : {edge, once}) write(*file, {reinterpret_cast<const char*>(&one), 8});
    EXPECT_EQ(inside(), (Data{30, 40}));
    EXPECT_EQ(epoll_->modify(5, once, event(EPOLLIN | EPOLLONESHOT, 52)), 0);
    EXPECT_EQ(inside(), (Data{30, 52}));
    read(*level, 8);
    EXPECT_EQ(inside(), Data{});
    EXPECT_EQ(epoll_->readiness(), 0);
}

TEST_F(EpollTest, ReadyOnesTakeTurns) {
    std::vector<Ref<EventCounter>> counters;
    for (std::uint64_t i = 0; i < 5; i++) {
        counters.push_back(counter(1));
        ASSERT_EQ(epoll_->add(i, counters.back(), event(EPOLLIN, i)), 0);
    }
    Data seen;
    for (int i = 0; i < 5; i++) seen.push_back(inside(1).at(0));
    EXPECT_EQ(seen, (Data{0, 1, 2, 3, 4}));
}

TEST_F(EpollTest, ClosingForgets) {
    auto file = counter(1);
    ASSERT_EQ(epoll_->add(3, file, event(EPOLLIN, 1)), 0);
    ASSERT_EQ(epoll_->add(4, file, event(EPOLLIN, 2)), 0);
    EXPECT_EQ(inside(), (Data{1, 2}));
    file = {};
    EXPECT_EQ(inside(), Data{});
    auto other = counter(1);
    ASSERT_EQ(epoll_->add(3, other, event(EPOLLIN, 3)), 0);
    EXPECT_EQ(inside(), (Data{3}));
    epoll_ = {};  // before what it watches
    write(*other, "12345678");
}

TEST_F(EpollTest, NestsAndRefusesCycles) {
    const auto file = counter(0);
    std::vector<Ref<Epoll>> chain{epoll_};
    ASSERT_EQ(epoll_->add(9, file, event(EPOLLIN, 1)), 0);
    for (int i = 1; i <= 4; i++) {
        chain.push_back(make_ref<Epoll>(O_RDWR));
        ASSERT_EQ(chain[i]->add(9, chain[i - 1], event(EPOLLIN, 10)), 0) << i;
    }
    EXPECT_EQ(make_ref<Epoll>(O_RDWR)->add(9, chain[4], event(EPOLLIN, 1)), -ELOOP);
    EXPECT_EQ(epoll_->add(10, chain[1], event(EPOLLIN, 1)), -ELOOP);
    EXPECT_EQ(chain[4]->readiness(), 0);
    write(*file, "\1\0\0\0\0\0\0\0");
    EXPECT_EQ(chain[4]->readiness(), 0);  // eight bytes without the zeros are none
    const std::uint64_t one = 1;
    write(*file, {reinterpret_cast<const char*>(&one), 8});
    EXPECT_EQ(chain[4]->readiness(), kReadable);
    read(*file, 8);
    EXPECT_EQ(chain[4]->readiness(), 0);
}

TEST_F(EpollTest, HostFiles) {
    auto first = make_ref<FakeHostFile>(), second = make_ref<FakeHostFile>();
    ASSERT_EQ(epoll_->add(3, first, event(EPOLLIN, 1)), 0);
    ASSERT_EQ(epoll_->add(4, second, event(EPOLLIN | EPOLLONESHOT, 2)), 0);
    EXPECT_EQ(at_host(), Data{});
    first->signal();
    second->signal();
    EXPECT_EQ(at_host(), (Data{1, 2}));
    EXPECT_EQ(at_host(), (Data{1}));
    ASSERT_EQ(epoll_->modify(4, second, event(EPOLLIN | EPOLLET, 3)), 0);
    EXPECT_EQ(at_host(), (Data{1, 3}));
    EXPECT_EQ(at_host(), (Data{1}));
    ASSERT_EQ(epoll_->remove(3, first), 0);
    EXPECT_EQ(epoll_->remove(3, first), -ENOENT);
    second->signal();
    second = {};
    EXPECT_EQ(at_host(), Data{});
}

TEST_F(EpollTest, AHostFileUnderTwoDescriptors) {
    auto file = make_ref<FakeHostFile>();
    ASSERT_EQ(epoll_->add(3, file, event(EPOLLIN, 1)), 0);
    ASSERT_EQ(epoll_->add(4, file, event(EPOLLIN | EPOLLET, 2)), 0);
    EXPECT_EQ(epoll_->add(4, file, event(EPOLLIN, 3)), -EEXIST);
    file->signal();
    EXPECT_EQ(at_host(), (Data{1, 2}));
    EXPECT_EQ(at_host(), (Data{1}));
    ASSERT_EQ(epoll_->modify(4, file, event(EPOLLIN, 4)), 0);
    ASSERT_EQ(epoll_->remove(3, file), 0);
    EXPECT_EQ(at_host(), (Data{4}));
    hosted_generation++;
    EXPECT_EQ(at_host(), (Data{4}));
    file = {};
    EXPECT_EQ(at_host(), Data{});
}

// An instance watches with an epoll of its own; its origin's goes on without it.
TEST_F(EpollTest, AnInstanceMakesItsOwn) {
    const auto file = make_ref<FakeHostFile>(), once = make_ref<FakeHostFile>();
    ASSERT_EQ(epoll_->add(3, file, event(EPOLLIN | EPOLLET, 1)), 0);
    ASSERT_EQ(epoll_->add(4, once, event(EPOLLIN | EPOLLONESHOT, 2)), 0);
    file->signal();
    once->signal();
    EXPECT_EQ(at_host(), (Data{1, 2}));
    const int before = ::dup(epoll_->poll_fd());
    hosted_generation++;
    EXPECT_EQ(at_host(), (Data{1}));  // an edge more is allowed, an event of what is spent is not
    EXPECT_EQ(at_host(), Data{});
    ASSERT_EQ(epoll_->remove(3, file), 0);
    epoll_event said[4];
    ASSERT_EQ(::epoll_wait(before, said, 4, 0), 0);
    file->signal();
    EXPECT_EQ(::epoll_wait(before, said, 4, 0), 1);
    EXPECT_EQ(at_host(), Data{});
    ::close(before);
}

// Rubbish from the host names nothing that is not watched, asked for and armed.
TEST_F(EpollTest, LiesOfTheHost) {
    const auto file = make_ref<FakeHostFile>(), gone = make_ref<FakeHostFile>();
    ASSERT_EQ(epoll_->add(3, gone, event(EPOLLIN, 7)), 0);
    ASSERT_EQ(epoll_->remove(3, gone), 0);
    ASSERT_EQ(epoll_->add(3, file, event(EPOLLIN | EPOLLONESHOT, 1)), 0);
    std::mt19937_64 random{3};
    int reports = 0;
    for (int round = 0; round < 2000; round++) {
        epoll_event said[8];
        for (epoll_event& e : said) {
            const std::uint64_t tokens[] = {0, 1, 1ull << 32, 2ull << 32, ~0ull, random(), random() & 7};
            e = event(static_cast<std::uint32_t>(random()), tokens[random() % std::size(tokens)]);
        }
        Epoll::Events events;
        epoll_->collect_host(said, events);
        ASSERT_LE(events.size(), 1u);
        for (const epoll_event& e : events) {
            reports++;
            EXPECT_EQ(e.data.u64, 1u);
            EXPECT_FALSE(e.events & ~std::uint32_t{EPOLLIN | EPOLLERR | EPOLLHUP});
            ASSERT_EQ(epoll_->modify(3, file, event(EPOLLIN | EPOLLONESHOT, 1)), 0);
        }
    }
    EXPECT_GT(reports, 100);
    file->signal();
    EXPECT_EQ(at_host(), (Data{1}));
}

}  // namespace
}  // namespace enclavisor::runtime
