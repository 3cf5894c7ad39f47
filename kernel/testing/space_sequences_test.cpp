// Random sequences of calls in several address spaces, and what each must read after.
#include <array>
#include <map>
#include <random>

#include "kernel/testing/space_fixture.hpp"

namespace enclavisor::kernel::testing {
namespace {

// Threads in several spaces do anything to a few pages; a second record, kept here, says
// what each must read.
class SpaceSequences : public SpaceTest {
protected:
    static constexpr std::uint64_t kPages = 6;
    static constexpr std::uint64_t kPlaces[] = {kData, 0x3fe000, 0x4000'0000};  // of two pages each
    static std::uint64_t place(std::uint64_t page) { return kPlaces[page / 2] + page % 2 * abi::kPageSize; }

    struct Page {
        enum { kEmpty, kOwn, kJoint } kind = kEmpty;
        char value = 0;
        std::uint64_t of = 0;  // kJoint: the page of the heap
        bool operator==(const Page&) const = default;
    };
    using View = std::array<Page, kPages>;
    char expected(const Page& page) { return page.kind == Page::kJoint ? heap_[page.of] : page.value; }
    void write_page(Page& page, std::uint64_t address, char value) {
        write(address, value);
        (page.kind == Page::kJoint ? heap_[page.of] : page.value) = value;
    }

    void prepare() {
        ask(Call::kMap, kHeap, kPages, kReadWrite);
        for (const std::uint64_t begin : kPlaces) ask(Call::kMap, begin, 2, kReadWrite);
        views_[1].fill({Page::kOwn});
    }
    // One step of the thread that runs.
    void step(std::mt19937& random) {
        View& view = views_.at(thread().space->number);
        const std::uint64_t which = random() % kPages, other = random() % kPages;
        Page& page = view[which];
        const std::uint64_t address = place(which);
        const auto value = static_cast<char>(random());
        switch (random() % 16) {
            default:
                if (page.kind != Page::kEmpty) write_page(page, address, value);
                break;
            case 1:
                ask(Call::kProtect, address, 1, random() % 2 ? abi::kRead : 0);
                ask(Call::kProtect, address, 1, kReadWrite);
                break;
            case 2:
                ask(Call::kUnmap, address, 1);
                page = {};
                break;
            case 3:
                ask(Call::kMap, address, 1, kReadWrite);
                page = {Page::kOwn};
                break;
            case 4:
                ask(Call::kDiscard, address, 1);
                if (page.kind == Page::kOwn) page.value = 0;
                break;
            case 5:
                if (which == other) break;
                ask(Call::kMove, address, place(other), 1);
                view[other] = page;
                page = {};
                break;
            case 6:
                ask(Call::kShare, kHeap + other * abi::kPageSize, address, 1, kReadWrite);
                page = {Page::kJoint, 0, other};
                break;
            case 7:
                write(kHeap + other * abi::kPageSize, value);
                heap_[other] = value;
                break;
            case 8:
                machine.schedule();
                run(handle);
                break;
            case 9:
            case 10: {
                const std::int64_t space = ask(Call::kForkSpace);
                if (space < 0) break;
                const auto number = static_cast<std::uint64_t>(space);
                if (copy(number) < 0 || random() % 4 == 0) {
                    ask(Call::kDropSpace, number);
                    break;
                }
                views_[number] = view;
                start_or_enter(number, random);
                break;
            }
            case 11:
                if (enclave().threads.first() == enclave().threads.last()) break;
                call(Call::kExitThread, 0);
                break;
        }
        machine.settle();
        run(handle);
        const View& now = views_.at(thread().space->number);
        for (std::uint64_t i = 0; i < kPages; i++) {
            const Entry entry = tables().lookup(VirtAddr{place(i)});
            ASSERT_EQ(entry.empty(), now[i].kind == Page::kEmpty);
            if (!entry.empty() && random() % 2) {
                ASSERT_EQ(read(place(i)), expected(now[i]));
            }
            ASSERT_EQ(read(kHeap + i * abi::kPageSize), heap_[i]);
        }
    }
    void start_or_enter(std::uint64_t space, std::mt19937& random) {
        if (enclave().tenant->threads < 8 && random() % 4 != 0) {
            start(space);
        } else {
            ask(Call::kEnterSpace, space);
        }
    }

private:
    std::map<std::uint64_t, View> views_;
    std::array<char, kPages> heap_{};
};

TEST_F(SpaceSequences, EachSpaceReadsWhatItWrote) {
    prepare();
    std::mt19937 random{20261};
    for (int i = 0; i < 10'000 && !HasFatalFailure(); i++) step(random);
    finish();
}

}  // namespace
}  // namespace enclavisor::kernel::testing
