// The line discipline beside that of a pseudo-terminal of this machine: the same keys, the
// same writes, the same settings; what is shown and what is read must be the same.
#include "runtime/terminals/line_discipline.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <random>

namespace enclavisor::runtime {
namespace {

class HostPair {
public:
    HostPair() : master_{::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK)} {
        const int unlocked = 0;
        if (master_ < 0 || ::ioctl(master_, TIOCSPTLCK, &unlocked) != 0) return;
        slave_ = ::ioctl(master_, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK);
    }
    ~HostPair() {
        ::close(slave_);
        ::close(master_);
    }
    bool usable() const { return slave_ >= 0; }
    void set(const TerminalSettings& settings) const { EXPECT_EQ(::ioctl(slave_, TCSETS, &settings), 0); }
    void type(std::string_view bytes) const {
        EXPECT_EQ(::write(master_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    }
    void write(std::string_view bytes) const {
        EXPECT_EQ(::write(slave_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    }
    // The kernel's workers carry the bytes: who asks at once may be too early.
    std::string shown(std::size_t expected) const { return collect(master_, expected); }
    std::string read(std::size_t expected) const { return collect(slave_, expected); }

private:
    static std::string collect(int fd, std::size_t expected) {
        std::string text;
        for (;;) {
            pollfd entry{fd, POLLIN, 0};
            if (::poll(&entry, 1, text.size() < expected ? 10'000 : 2) != 1) return text;
            char bytes[4096];
            const ssize_t count = ::read(fd, bytes, sizeof(bytes));
            if (count <= 0) return text;
            text.append(bytes, static_cast<std::size_t>(count));
        }
    }
    int master_, slave_ = -1;
};

std::string read_all(LineDiscipline& discipline) {
    std::string text;
    while (discipline.readable()) {
        char bytes[4096];
        const std::size_t count = discipline.read(bytes, sizeof(bytes));
        if (count == 0) break;
        text.append(bytes, count);
    }
    return text;
}
std::string shown(LineDiscipline& discipline) {
    std::string text = discipline.output();
    discipline.drop_output(text.size());
    return text;
}

class LineDisciplineTest : public testing::Test {
protected:
    void SetUp() override {
        if (!host_.usable()) GTEST_SKIP() << "this machine has no pseudo-terminals";
    }
    void compare(const TerminalSettings& settings, std::string_view keys, std::string_view written) {
        ours_.set(settings);
        host_.set(settings);
        EXPECT_EQ(ours_.type(keys), keys.size());
        host_.type(keys);
        std::string expected = shown(ours_);
        EXPECT_EQ(host_.shown(expected.size()), expected) << "echo of " << testing::PrintToString(keys);
        EXPECT_EQ(ours_.write(written), written.size());
        host_.write(written);
        expected = shown(ours_);
        EXPECT_EQ(host_.shown(expected.size()), expected) << "output of " << testing::PrintToString(written);
        expected = read_all(ours_);
        EXPECT_EQ(host_.read(expected.size()), expected) << "input of " << testing::PrintToString(keys);
    }

    HostPair host_;
    LineDiscipline ours_;
};

TEST_F(LineDisciplineTest, Lines) {
    const TerminalSettings usual = ours_.settings();
    compare(usual, "plain\n", "plain\n");
    compare(usual, "helxx\x7f\x7flo\n", "a\tb\rc\bd\n");
    compare(usual, "two words\x17three\n", "");
    compare(usual, "gone\x15kept\n", "");
    compare(usual, "tab\there\x7f\x7f\x7f\x7f\x7f\n", "");
    compare(usual, "a\x01\x02\x7f\x7f\x7f\x7f\n", "");
    compare(usual, "literal \x16\x03\n", "");
    compare(usual, "again\x12\n", "");
    compare(usual, "cr\rlf\n", "");
    compare(usual, "half\x04", "");
}

TEST_F(LineDisciplineTest, RandomKeysUnderRandomSettings) {
    std::mt19937 random{1};
    const TerminalSettings usual = ours_.settings();
    constexpr std::string_view kKeys = "abc _\t\x01\x1b\x7f\x7f\x15\x17\x16\x12\n\r\x04z\x19";
    for (int round = 0; round < 400 && !HasFailure(); round++) {
        TerminalSettings settings = usual;
        const auto maybe = [&](tcflag_t& flags, tcflag_t flag) {
            if (random() % 4 == 0) flags ^= flag;
        };
        for (const tcflag_t flag : {ICANON, ECHO, ECHOE, ECHOK, ECHOKE, ECHOCTL, ECHONL, IEXTEN})
            maybe(settings.c_lflag, flag);
        for (const tcflag_t flag : {ICRNL, INLCR, IGNCR, ISTRIP}) maybe(settings.c_iflag, flag);
        for (const tcflag_t flag : {OPOST, ONLCR, OCRNL, ONOCR, ONLRET, XTABS}) maybe(settings.c_oflag, flag);
        if (random() % 4 == 0) settings.c_cc[VEOL] = '\x19';
        std::string keys, written;
        for (auto left = random() % 24; left > 0; left--) keys += kKeys[random() % kKeys.size()];
        for (auto left = random() % 12; left > 0; left--) written += "xy\t\b\r\n"[random() % 6];
        // Nothing is left over for the next round.
        settings.c_cc[VEOL2] = 0;
        keys += (settings.c_lflag & ICANON) && !(settings.c_iflag & (IGNCR | INLCR)) ? "end\nend\n" : "end";
        compare(settings, keys, written);
        TerminalSettings flush = settings;
        flush.c_lflag &= ~static_cast<tcflag_t>(ICANON);
        ours_.set(flush);
        host_.set(flush);
        const std::string rest = read_all(ours_);
        EXPECT_EQ(host_.read(rest.size()), rest);
    }
}

TEST_F(LineDisciplineTest, SignalsAndFlow) {
    LineDiscipline& d = ours_;
    EXPECT_EQ(d.type("lost\x03kept\n\x1a\x1c"), 12u);
    EXPECT_EQ(d.take_signals(), 1u << (2 - 1) | 1u << (20 - 1) | 1u << (3 - 1));
    EXPECT_EQ(d.take_signals(), 0u);
    EXPECT_EQ(read_all(d), "");
    shown(d);
    d.type("\x13");
    EXPECT_EQ(d.room(), 0u);
    EXPECT_EQ(d.write("waits"), 0u);
    d.type("held\n");
    EXPECT_EQ(shown(d), "");
    d.type("\x11");
    EXPECT_EQ(shown(d), "held\r\n");
    EXPECT_EQ(d.write("goes"), 4u);
}

TEST_F(LineDisciplineTest, WhatIsFullTakesNoMore) {
    LineDiscipline& d = ours_;
    EXPECT_EQ(d.type(std::string(10'000, 'x')), 10'000u);  // a line's end is lost
    EXPECT_FALSE(d.readable());
    d.type("\n");
    EXPECT_EQ(read_all(d), std::string(4094, 'x') + "\n");
    const std::string lines(4095, '\n');
    EXPECT_EQ(d.type(lines + lines), 4095u);
    EXPECT_FALSE(d.can_type());
    EXPECT_LE(d.output().size(), 20'000u);
    shown(d);
    EXPECT_LT(d.write(std::string(100'000, 'y')), 100'000u);
    EXPECT_LT(d.room(), 8u);
}

}  // namespace
}  // namespace enclavisor::runtime
