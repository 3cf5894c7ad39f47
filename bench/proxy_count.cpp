#include "bench/proxy_count.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>

#include "bench/single_step.hpp"
#include "host/lib/fd.hpp"
#include "host/lib/io_loop.hpp"
#include "host/proxy/executor.hpp"

namespace enclavisor::bench {

host::Result<double> count_in_proxy() {
    constexpr int kWrites = 30;
    alignas(64) static abi::IoHeader header;
    static std::byte data[abi::kPageSize];
    header = {};
    const host::Fd null{::open("/dev/null", O_WRONLY | O_CLOEXEC)}, doorbell{::eventfd(0, EFD_CLOEXEC)};
    host::Executor executor{{}};
    int left = kWrites;
    host::IoLoop* loop = nullptr;
    const auto submit = [&] {
        abi::SubmissionEntry& entry = header.entries[header.submitted % abi::kIoDepth];
        entry = {};
        entry.call = static_cast<std::uint32_t>(abi::ForwardedCall::kWrite);
        entry.id = header.submitted;
        entry.arguments[0] = static_cast<std::uint64_t>(null.get());
        entry.arguments[2] = 1;
        header.submitted++;
    };
    host::IoLoop serving{header, data, doorbell.get(), [&](const abi::SubmissionEntry& entry, auto bytes) {
                             const std::int64_t result = executor.execute(entry, bytes);
                             mark();
                             left-- > 0 ? submit() : loop->stop();
                             return result;
                         }};
    loop = &serving;
    submit();
    return count_steps([&] { serving.run(); });
}

}  // namespace enclavisor::bench
