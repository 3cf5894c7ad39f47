#include "host/lib/io_server.hpp"

#include <signal.h>

#include <mutex>

#include "host/lib/shared_word.hpp"

namespace enclavisor::host {
namespace {

// A signal may come just before the call that it is to interrupt: it is repeated.
constexpr std::chrono::milliseconds kRepeat{1};

int interrupt_signal() {
    return SIGRTMIN + 5;
}

// Without SA_RESTART: the call that it finds returns EINTR.
void install_interrupt_handler() {
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        ::sigaction(interrupt_signal(), &action, nullptr);
    });
}

// For the caller's thread, which keeps its own signals.
void hear_interrupts_too() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, interrupt_signal());
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

// For threads of ours.
void hear_only_interrupts() {
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, interrupt_signal());
    ::pthread_sigmask(SIG_SETMASK, &set, nullptr);
}

abi::IoHeader& header_in(std::span<std::byte> window, std::size_t area) {
    return *reinterpret_cast<abi::IoHeader*>(window.data() + abi::io_area_offset(area));
}

void wake(std::uint32_t& waits) {
    if (load(waits) != 1) return;
    store(waits, 0);
    futex_wake_all(waits);
}

// A machine with few processors is better used by those who answer.
int most_spinners() {
    return std::thread::hardware_concurrency() > 4 ? 2 : 1;
}

}  // namespace

void attend(std::span<std::byte> window) {
    abi::IoHeader& first = header_in(window, 0);
    wake(first.host_waits);
    if (__atomic_load_n(&first.attention, __ATOMIC_ACQUIRE) == 0) return;
    const std::uint64_t asked = __atomic_exchange_n(&first.attention, 0, __ATOMIC_ACQ_REL);
    std::uint64_t rest = 0;
    for (std::size_t i = 0; i < abi::io_area_count(window.size()); i++) {
        if (!(asked >> i & 1)) continue;
        std::uint32_t& waits = header_in(window, i).host_waits;
        if (load(waits) == 1) {
            wake(waits);
        } else {
            rest |= 1ull << i;
        }
    }
    if (rest == 0) return;
    __atomic_fetch_or(&first.supervise, rest, __ATOMIC_ACQ_REL);
    full_fence();
    wake(first.supervisor_waits);
}

IoServer::IoServer(std::span<std::byte> window, int guest_doorbell, IoLoop::Handler handler)
    : window_{window},
      guest_doorbell_{guest_doorbell},
      handler_{std::move(handler)},
      areas_(std::max<std::size_t>(1, abi::io_area_count(window.size()))) {
    install_interrupt_handler();
    prepare(0);
}

IoServer::~IoServer() {
    stop();
    if (supervisor_.joinable()) supervisor_.join();
}

abi::IoHeader& IoServer::header(std::size_t area) const {
    return header_in(window_, area);
}

void IoServer::prepare(std::size_t area) {
    const auto data = window_.subspan(abi::io_area_offset(area) + abi::kIoDataOffset);
    areas_[area].loop = std::make_unique<IoLoop>(
        header(area), data.first(std::min(data.size(), abi::io_data_size(area))), guest_doorbell_, handler_);
    areas_[area].loop->share_spinning(spinners_, most_spinners());
}

void IoServer::serve(std::size_t area) {
    IoLoop& loop = *areas_[area].loop;
    if (shortest_spin_.count() > 0) loop.set_shortest_spin(shortest_spin_);
    if (loop.run()) return;
    broken_.store(true);
    stop();
}

bool IoServer::run() {
    areas_[0].thread = ::pthread_self();
    hear_interrupts_too();
    supervisor_ = std::thread{[this] { supervise(); }};
    serve(0);
    stop();
    supervisor_.join();
    return !broken_.load();
}

void IoServer::stop() {
    stopped_.store(true);
    areas_[0].loop->stop();
    full_fence();
    store(header(0).supervisor_waits, 0);
    futex_wake_all(header(0).supervisor_waits);
}

// Starts what was not served yet, and notes whose calls are to be interrupted.
void IoServer::look_after(std::uint64_t areas) {
    for (std::size_t i = 0; i < areas_.size(); i++) {
        if (!(areas >> i & 1)) continue;
        interrupted_ |= 1ull << i;
        if (i == 0 || (started_ >> i & 1)) continue;
        started_ |= 1ull << i;
        prepare(i);
        areas_[i].own_thread = std::thread{[this, i] {
            hear_only_interrupts();
            serve(i);
        }};
        areas_[i].thread = areas_[i].own_thread.native_handle();
    }
}

void IoServer::supervise() {
    hear_only_interrupts();
    std::uint32_t& waits = header(0).supervisor_waits;
    while (!stopped_.load()) {
        store(waits, 1);
        full_fence();
        look_after(__atomic_exchange_n(&header(0).supervise, 0, __ATOMIC_ACQ_REL));
        for (std::size_t i = 0; i < areas_.size(); i++) {
            if (!(interrupted_ >> i & 1)) continue;
            if (!areas_[i].loop->cut_short()) {
                interrupted_ &= ~(1ull << i);
            } else if (areas_[i].loop->in_call()) {
                ::pthread_kill(areas_[i].thread, interrupt_signal());
            }
        }
        if (stopped_.load()) break;
        futex_wait(waits, 1, interrupted_ != 0 ? std::optional{kRepeat} : std::nullopt);
        store(waits, 0);
    }
    for (Area& area : areas_) {
        if (area.loop == nullptr) continue;
        area.loop->stop();
        while (!area.loop->ended()) {
            if (area.loop->in_call()) ::pthread_kill(area.thread, interrupt_signal());
            std::this_thread::sleep_for(kRepeat);
        }
        if (area.own_thread.joinable()) area.own_thread.join();
    }
}

}  // namespace enclavisor::host
