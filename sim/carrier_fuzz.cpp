// Bytes become a hostile guest: what stands in its pages of requests, in its GHCB pages and in its messages,
// and what it asks for; under a carrier that is honest or tells a lie. Whatever it asks, the carrier answers
// or ends the machine, leaves alone what is the guest's, and reads nothing beyond a page. One body, two
// drivers: libFuzzer, and carrier_test's short form.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "host/lib/fd.hpp"
#include "host/lib/test_firmware.hpp"
#include "sim/carrier.hpp"
#include "sim/guest_message.hpp"
#include "sim/tcg_cpuid.hpp"

namespace enclavisor::sim {
namespace {

constexpr std::uint64_t kMib = 16, kPagesAt = 0x30'0000, kSecrets = 0x80'd000;
constexpr unsigned kVcpus = 2, kPages = 8, kMostSteps = 64;

host::Fd memory() {
    host::Fd fd{::memfd_create("guest", MFD_CLOEXEC)};
    if (::ftruncate(fd.get(), kMib << 20) != 0) std::abort();
    return fd;
}

// Keys take long to make: one chip and one authority serve every input.
Model model() {
    static const Chip chip = Chip::make(Product::kMilan);
    static const AuthorityState certified = [] {
        Authority authority{Product::kMilan};
        for (const Signer signer : {Signer::kArk, Signer::kAsk}) (void)authority.certificate(signer);
        return authority.state();
    }();
    return {chip, Authority{Product::kMilan, certified}, SevPlatform{}, 1ull << 52};
}

class HostileGuest {
public:
    explicit HostileGuest(BytesView bytes) : bytes_{bytes} {
        const bool snp = take(1) % 4 != 0;
        std::vector<ToldLie> told;
        if (take(1) % 2 != 0)
            told.push_back({&lies()[take(1) % lies().size()], static_cast<unsigned>(take(1) % 4)});
        const auto image = host::TestFirmware::amd_sev().bytes();
        const auto firmware = host::parse_firmware(image, "fw.bin").take();
        LaunchOptions how{snp, kVcpus, 0x60fb1, cpuid_page()};
        for (const ToldLie& one : told)
            if (one.lie->launch != nullptr) one.lie->launch(how);
        auto guest = launch(processor_, ram_, firmware, how);
        if (!guest) return;  // the secure processor refuses what is proposed
        carrier_.emplace(processor_, ram_, guest.take(), std::move(told));
        if (!carrier_->prepare(take(1) % 2 != 0)) std::abort();
        if (snp) std::memcpy(&keys_, private_page(kSecrets).data() + 0x20, sizeof(keys_));
        launched_ = block_of<kPage>(private_page(kSecrets));
    }

    void live() {
        if (!carrier_) return;
        for (unsigned cpu = 0; cpu < kVcpus; cpu++)
            if (!ask(cpu, 1, (kPagesAt + cpu * kPage) | abi::ghcb_msr::kRegisterRequest)) return;
        for (unsigned step = 0; step < kMostSteps && !bytes_.empty(); step++) {
            const auto choice = static_cast<unsigned>(take(1));
            const unsigned cpu = choice == 255 ? kVcpus : choice % kVcpus;  // the last: there is none
            bool goes_on = true;
            switch (take(1) % 8) {
                case 0:
                    scribble();
                    break;
                case 1:
                    write_message();
                    break;
                case 2:
                    goes_on = ask(cpu, static_cast<std::uint32_t>(take(1) % 5), any_msr());
                    break;
                case 3:
                case 4:
                    goes_on = ask(cpu, 2 + static_cast<std::uint32_t>(take(1) % 2), 0);
                    break;
                default:
                    // Its own page, more often than another.
                    const unsigned number = take(1) % 8 != 0 ? cpu : static_cast<unsigned>(take(1)) % kPages;
                    write_question(number);
                    if (take(1) % 8 == 0) scribble();
                    goes_on = ask(cpu, 1, kPagesAt + number * kPage);
            }
            if (!goes_on) return;
        }
    }

private:
    std::uint64_t take(std::size_t size) {
        std::uint64_t value = 0;
        const std::size_t count = std::min(size, bytes_.size());
        std::memcpy(&value, bytes_.data(), count);
        bytes_ = bytes_.subspan(count);
        return value;
    }
    std::span<std::uint8_t> page(unsigned number) { return shared(kPagesAt + number * kPage); }
    std::span<std::uint8_t> shared(std::uint64_t at) { return as_bytes(ram_.shared(at, kPage)); }
    std::span<std::uint8_t> private_page(std::uint64_t at) { return as_bytes(ram_.private_at(at, kPage)); }
    static std::span<std::uint8_t> as_bytes(std::optional<std::span<std::byte>> found) {
        if (!found) std::abort();
        return {reinterpret_cast<std::uint8_t*>(found->data()), found->size()};
    }

    // Addresses that mean something, more often than others.
    std::uint64_t address() {
        const std::uint64_t kind = take(1);
        if (kind < 160) return kPagesAt + kind % kPages * kPage;
        constexpr std::uint64_t kOthers[] = {0,       abi::kSimRequestPhys, kSecrets,  kMib << 20,
                                             1 << 21, (kMib << 20) - kPage, 0x3f'f000, ~0xfffull};
        if (kind < 208) return kOthers[kind % std::size(kOthers)];
        return kind < 232 ? take(3) << 12 : take(8);
    }

    void scribble() {
        const std::span<std::uint8_t> to = page(static_cast<unsigned>(take(1)) % kPages);
        const std::size_t at = take(2) % (kPage - sizeof(std::uint64_t) + 1);
        const std::uint64_t value = take(8);
        std::memcpy(to.data() + at, &value, sizeof(value));
    }

    // Under the guest's own key, and in turn.
    void write_message() {
        const std::span<std::uint8_t> to = page(static_cast<unsigned>(take(1)) % kPages);
        const auto type = static_cast<std::uint8_t>(take(1)),
                   version = static_cast<std::uint8_t>(take(1) % 4);
        const std::size_t wanted = take(1) % 128, size = std::min(wanted, bytes_.size());
        const Bytes text{bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(size)};
        bytes_ = bytes_.subspan(size);
        const auto sealed = seal({type, version, 0, text}, keys_[0], take(1) % 8 == 0 ? take(1) : sent_ + 1);
        std::memcpy(to.data(), sealed.data(), sealed.size());
    }

    // A GHCB page that is well formed, up to what scribbles change of it.
    void write_question(unsigned number) {
        constexpr abi::GhcbEvent kEvents[] = {abi::GhcbEvent::kCpuid,
                                              abi::GhcbEvent::kPortIo,
                                              abi::GhcbEvent::kMsr,
                                              abi::GhcbEvent::kMmioRead,
                                              abi::GhcbEvent::kMmioWrite,
                                              abi::GhcbEvent::kApResetHold,
                                              abi::GhcbEvent::kPageStateChange,
                                              abi::GhcbEvent::kGuestRequest,
                                              abi::GhcbEvent::kExtendedGuestRequest,
                                              abi::GhcbEvent::kApCreation,
                                              abi::GhcbEvent::kPageStateChange,
                                              abi::GhcbEvent::kGuestRequest};
        auto& ghcb = *reinterpret_cast<abi::Ghcb*>(page(number).data());
        ghcb.exit_code = static_cast<std::uint64_t>(kEvents[take(1) % std::size(kEvents)]);
        ghcb.exit_info_1 = take(1) % 2 != 0 ? address() : take(6);
        ghcb.exit_info_2 = take(1) % 2 != 0 ? address() : take(6);
        ghcb.rax = address();
        ghcb.rbx = take(1) % 8;
        ghcb.scratch = kPagesAt + number * kPage + offsetof(abi::Ghcb, shared_buffer);
        ghcb.valid_bitmap[0] = ghcb.valid_bitmap[1] = ~0ull;
        ghcb.version = abi::kGhcbVersion;
        ghcb.usage = 0;
        const std::uint64_t entries = take(1) % 4;
        const bool strange = take(1) % 16 == 0;
        const abi::PageStateHeader header{static_cast<std::uint16_t>(strange ? take(2) : 0),
                                          static_cast<std::uint16_t>(strange ? take(2) : entries), 0};
        std::memcpy(ghcb.shared_buffer, &header, sizeof(header));
        for (std::uint64_t i = 0; i <= entries; i++) {
            const std::uint64_t entry =
                address() | (take(1) % 4) << 52 | (take(1) % 4 == 0 ? abi::kPageLarge : 0);
            std::memcpy(ghcb.shared_buffer + sizeof(header) + 8 * i, &entry, sizeof(entry));
        }
    }

    std::uint64_t any_msr() {
        constexpr std::uint64_t kCodes[] = {0x002, 0x004, 0x012, 0x014, 0x080, 0x100, 0x000, 0x7ff};
        const std::uint64_t code = kCodes[take(1) % std::size(kCodes)];
        return (address() & ~0xfffull) | (take(1) % 4) << 52 | code;
    }

    // False: the machine has ended.
    bool ask(unsigned cpu, std::uint32_t instruction, std::uint64_t msr) {
        auto& request =
            *reinterpret_cast<abi::SimRequest*>(shared(abi::kSimRequestPhys + cpu * kPage).data());
        request.instruction = instruction;
        request.cpu = cpu;
        request.in = {address(), take(1), take(1) % 4, take(3), take(1)};
        request.ghcb_msr = msr;
        request.turn = static_cast<std::uint32_t>(abi::SimTurn::kCarrier);
        const bool by_page =
            instruction == 1 && msr >= kPagesAt && msr < kPagesAt + kPages * kPage && msr % kPage == 0;
        const bool message = by_page && question(msr).exit_code == kGuestRequest;
        const std::vector<unsigned> assigned = guests_pages();
        std::vector<Block<kPage>> before;
        for (const unsigned number : assigned) before.push_back(block_of<kPage>(page(number)));
        const auto end = carrier_->serve(cpu);
        if (end) return false;
        if (cpu >= kVcpus) std::abort();
        if (message && question(msr).exit_info_1 == 0 && question(msr).exit_info_2 == 0) sent_ += 2;
        const bool answered = request.turn == static_cast<std::uint32_t>(abi::SimTurn::kGuest);
        if (!answered && !by_page) std::abort();
        for (std::size_t i = 0; i < assigned.size(); i++)
            if (block_of<kPage>(page(assigned[i])) != before[i]) std::abort();
        if (block_of<kPage>(private_page(kSecrets)) != launched_) std::abort();
        return true;
    }
    static constexpr auto kGuestRequest = static_cast<std::uint64_t>(abi::GhcbEvent::kGuestRequest);
    const abi::Ghcb& question(std::uint64_t at) {
        return *reinterpret_cast<const abi::Ghcb*>(shared(at).data());
    }
    // Those of its pages that no hypervisor may write to.
    std::vector<unsigned> guests_pages() {
        std::vector<unsigned> numbers;
        for (unsigned i = 0; i < kPages; i++)
            if ((carrier_->rmp(kPagesAt + i * kPage).flags & 1) != 0) numbers.push_back(i);
        return numbers;
    }

    BytesView bytes_;
    Processor processor_ = Processor::of(model());
    GuestRam ram_ = GuestRam::map(kMib, memory().get(), memory().get()).take();
    std::optional<Carrier> carrier_;
    std::array<Block<32>, kMessageKeys> keys_{};
    Block<kPage> launched_{};
    std::uint64_t sent_ = 0;
};

}  // namespace

void run_hostile_guest(BytesView bytes) {
    HostileGuest{bytes}.live();
}

}  // namespace enclavisor::sim

#ifdef ENCLAVISOR_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    enclavisor::sim::run_hostile_guest({data, size});
    return 0;
}
#endif
