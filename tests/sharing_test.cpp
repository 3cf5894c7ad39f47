// Function enclaves that share memory: channels and memory objects.
#include <gtest/gtest.h>

#include <iostream>
#include <set>

#include "abi/enclave/calls.hpp"
#include "host/lib/function.hpp"
#include "tests/programs/functions/pipe.hpp"
#include "tests/support/machines.hpp"

namespace enclavisor::tests {
namespace {

using host::Instance;

// Two instances of the test function, of two templates.
class Pair {
public:
    explicit Pair(host::Machine& machine) {
        host::FunctionOptions options;
        options.calls.patience = std::chrono::seconds{100};
        for (int i = 0; i < 2; i++) {
            auto loaded = host::FunctionTemplate::load(machine, programs_dir() / "pipe", options);
            if (!loaded.ok()) throw std::runtime_error{loaded.error().text()};
            templates_.push_back(loaded.take());
            auto forked = templates_.back().fork();
            if (!forked.ok()) throw std::runtime_error{forked.error().text()};
            instances_.push_back(forked.take());
        }
    }
    Instance& writer() { return instances_[0]; }
    Instance& reader() { return instances_[1]; }
    host::FunctionTemplate& function() { return templates_[1]; }
    host::EntryPoint entry(const char* name) { return templates_[0].entry(name).value(); }
    template <typename R, typename... A>
    R call(Instance& instance, const char* name, const A&... arguments) {
        auto result = instance.call<R>(entry(name), arguments...);
        EXPECT_TRUE(result.ok()) << name << ": " << (result.ok() ? "" : result.error().text());
        if constexpr (!std::is_void_v<R>) return result.ok() ? result.take() : R{};
    }
    void connect(std::uint64_t bytes) {
        const auto number = call<std::uint64_t>(writer(), "make", reader().handle(), bytes);
        ASSERT_NE(number, 0u);
        ASSERT_EQ(call<std::int64_t>(reader(), "join", number, writer().handle()), 0);
        ASSERT_TRUE(call<bool>(writer(), "accept", reader().handle()));
    }
    Consumed transfer(std::uint64_t bytes, bool check_all) {
        const auto producing = writer().begin<std::uint64_t>(entry("produce"), bytes);
        const auto consumed = call<Consumed>(reader(), "consume", bytes, check_all);
        const auto produced = writer().end<std::uint64_t>(producing.value());
        EXPECT_TRUE(produced.ok());
        if (produced.ok()) {
            EXPECT_EQ(produced.value(), bytes);
        }
        EXPECT_EQ(consumed.bytes, bytes);
        EXPECT_EQ(consumed.wrong, 0u);
        return consumed;
    }

private:
    std::vector<host::FunctionTemplate> templates_;
    std::vector<Instance> instances_;
};

class Sharing : public testing::TestWithParam<host::Platform> {
protected:
    void start(bool icount = false) {
        auto wanted = machine_options(GetParam());
        wanted.icount = icount;
        machine_ = launch(wanted);
        ASSERT_NE(machine_, nullptr);
    }
    void TearDown() override {
        if (machine_) {
            EXPECT_TRUE(healthy(*machine_));
        }
    }
    std::unique_ptr<host::Machine> machine_;
};
ENCLAVISOR_ON_ALL_PLATFORMS(Sharing);

TEST_P(Sharing, AChannelCarriesBytesAndMessages) {
    start();
    const auto before = machine_->stats().value().free_frames;
    for (const std::uint64_t bytes : {4096u, 65536u, 2u << 20}) {
        Pair pair{*machine_};
        for (Instance* end : {&pair.writer(), &pair.reader()}) pair.call<void>(*end, "fill", bytes);
        pair.connect(bytes);
        pair.transfer(16 << 20, true);
        const auto sending = pair.writer().begin<bool>(pair.entry("send"), 5000u);
        EXPECT_EQ(pair.call<std::uint32_t>(pair.reader(), "receive", 5000u), 5000u);
        EXPECT_TRUE(pair.writer().end<bool>(sending.value()).value());
        const auto leaving = pair.writer().begin<void>(pair.entry("leave_writer"));
        pair.call<void>(pair.reader(), "leave_reader");
        EXPECT_TRUE(pair.writer().end<void>(leaving.value()).ok());
    }
    EXPECT_GE(machine_->stats().value().free_frames + 64, before) << "tables of the kernel may have grown";
}

TEST_P(Sharing, OnlyWhoIsMeantJoins) {
    start();
    Pair pair{*machine_};
    auto stranger = pair.function().fork();
    ASSERT_TRUE(stranger.ok());
    const auto number = pair.call<std::uint64_t>(pair.writer(), "make", pair.reader().handle(), 4096ull);
    ASSERT_NE(number, 0u);
    const auto refused = static_cast<std::int64_t>(abi::CallError::kNotFound);
    EXPECT_EQ(pair.call<std::int64_t>(stranger.value(), "join", number, pair.writer().handle()), refused);
    EXPECT_EQ(pair.call<std::int64_t>(pair.reader(), "join", number + 1, pair.writer().handle()), refused);
    EXPECT_EQ(pair.call<std::int64_t>(pair.reader(), "join", number, stranger.value().handle()), refused)
        << "the host gave it another maker's channel";
    EXPECT_EQ(pair.call<std::int64_t>(pair.reader(), "join", number, pair.writer().handle()), 0);
    EXPECT_FALSE(pair.call<bool>(pair.writer(), "accept", stranger.value().handle()));
    EXPECT_TRUE(pair.call<bool>(pair.writer(), "accept", pair.reader().handle()));
}

TEST_P(Sharing, AWriterThatCheatsIsFoundOut) {
    start();
    for (const auto& [how, value] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{{0, 4097},
                                                                                         {0, ~0u},
                                                                                         {0, 0x8000'0000},
                                                                                         {1, 9},
                                                                                         {1, 4096},
                                                                                         {1, ~0u},
                                                                                         {1, ~0u - 3},
                                                                                         {1, 0x8000'0000}}) {
        SCOPED_TRACE(testing::Message() << how << " " << value);
        Pair pair{*machine_};
        pair.connect(4096);
        pair.call<void>(pair.writer(), "cheat", how, value);
        EXPECT_EQ(pair.call<std::uint32_t>(pair.reader(), "receive", 5u), 0u);
    }
}

TEST_P(Sharing, ObjectsAreGrantedByMeasurementAndTakenBack) {
    start();
    Pair pair{*machine_};
    const std::string_view measurement{reinterpret_cast<const char*>(pair.function().measurement().data()),
                                       sizeof(host::Measurement)};
    const auto number = pair.call<std::uint64_t>(pair.writer(), "share", measurement, 77ull);
    ASSERT_NE(number, 0u);
    EXPECT_EQ(pair.call<std::uint64_t>(pair.reader(), "look", number, true), ~0ull) << "read-only";
    EXPECT_EQ(pair.call<std::uint64_t>(pair.reader(), "look", number, false), 77u);
    EXPECT_EQ(pair.call<std::uint64_t>(pair.reader(), "who_made"), pair.writer().handle());
    EXPECT_EQ(pair.call<std::uint64_t>(pair.writer(), "who_made"), pair.reader().handle());
    EXPECT_TRUE(pair.call<bool>(pair.writer(), "take_back"));
    EXPECT_EQ(pair.call<std::uint64_t>(pair.reader(), "look", number, false), ~0ull);
}

// 1 GiB from one enclave to another, in instructions, beside one memcpy of as much in
// one of them; and nothing of it in what the host sees.
TEST_P(Sharing, AGibibyteCostsOneCopyAndIsNotSeen) {
    start(true);
    constexpr std::uint64_t kTotal = 1ull << 30, kSeed = 0x1234'5678;
    Pair pair{*machine_};
    for (Instance* end : {&pair.writer(), &pair.reader()}) pair.call<void>(*end, "fill", kSeed);
    const double copied = static_cast<double>(pair.call<std::uint64_t>(pair.writer(), "copy", kTotal));
    pair.connect(1 << 20);
    const double sent = static_cast<double>(pair.transfer(kTotal, false).ticks);
    std::cout << "1 GiB, guest instructions per byte: channel " << sent / kTotal << ", one memcpy "
              << copied / kTotal << ", ratio " << sent / copied << "\n";
    EXPECT_LE(sent, copied * 1.1);

    std::set<std::uint64_t> words;
    for (std::uint64_t i = 0; i < kBlockWords; i++) words.insert(block_word(kSeed, i));
    const auto link = machine_->link().bytes();
    std::uint64_t found = 0;
    for (std::size_t i = 0; i + 8 <= link.size(); i += 8) {
        std::uint64_t word;
        std::memcpy(&word, link.data() + i, 8);
        found += words.contains(word);
    }
    EXPECT_EQ(found, 0u) << "words of the channel in the link";
}

}  // namespace
}  // namespace enclavisor::tests
