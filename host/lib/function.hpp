// Function enclaves (sdk/): templates, instances, calls.
//
//   auto function = TRY(FunctionTemplate::load(machine, "add.fn", {}));
//   const auto add = TRY(function.entry("add"));
//   auto instance = TRY(function.fork());
//   const int sum = TRY(instance.call<int>(add, 2, 3));
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/call_codec.hpp"
#include "host/lib/call_client.hpp"
#include "host/lib/enclave.hpp"

namespace enclavisor::host {

struct FunctionOptions {
    std::uint32_t instances = 63;           // most that live at once; each has a slot of the link
    std::uint32_t slot_pages = 1;           // see abi/host/call_slot.hpp for what fits
    std::uint64_t memory_limit = 16 << 20;  // bytes, of the template and of each instance
    CallPolicy calls;                       // of the template while it initialises, and of all instances
};

// The number of an entry point.
struct EntryPoint {
    std::uint32_t number;
};

// Names a call that is under way, until its answer is collected.
struct CallId {
    std::uint32_t ticket;
};

namespace detail {
struct FunctionProgram;
}

// An instance of a template, or a function that runs alone. Used by one thread at a
// time; different instances by different threads.
class Instance {
public:
    Instance(Instance&&) noexcept;
    Instance& operator=(Instance&&) = delete;
    ~Instance();  // destroys it

    std::uint64_t handle() const { return handle_; }
    Result<EntryPoint> entry(std::string_view name) const;  // as FunctionTemplate's
    // The newest status record.
    std::optional<abi::EnclaveStatus> status() const;

    // Calls `entry` and waits for its result, a value or nothing. Errors: the arguments
    // do not fit, the function refused them, it has ended (with its last words), it did
    // not answer in time.
    template <typename R, typename... A>
    Result<R> call(EntryPoint entry, const A&... arguments) {
        const CallId id = TRY(begin_with_room(entry, base::room_of<R>(), arguments...));
        return end<R>(id);
    }
    // The same for an entry point that returns at most `room` bytes.
    template <typename... A>
    Result<std::vector<std::byte>> call_bytes(EntryPoint entry, std::size_t room, const A&... arguments) {
        const CallId id = TRY(begin_with_room(entry, room, arguments...));
        return end_bytes(id);
    }
    // With encoded arguments (base/call_codec.hpp).
    Result<CallId> begin_raw(EntryPoint entry, std::span<const std::byte> arguments, std::size_t room);
    Result<std::vector<std::byte>> call_raw(EntryPoint entry, std::span<const std::byte> arguments,
                                            std::size_t room);

    // In two steps, so that up to abi::kCallDepth calls are under way; more wait for
    // room. Each is collected once, in any order. Calls out are performed by the thread
    // that collects, unless there are workers.
    template <typename R, typename... A>
    Result<CallId> begin(EntryPoint entry, const A&... arguments) {
        return begin_with_room(entry, base::room_of<R>(), arguments...);
    }
    template <typename... A>
    Result<CallId> begin_with_room(EntryPoint entry, std::size_t room, const A&... arguments) {
        const std::size_t size = (std::size_t{0} + ... + base::encoded_size(arguments));
        const auto ticket = TRY(reserve(std::max(size, room)));
        [[maybe_unused]] std::byte* to = client_->buffer(ticket).data();
        ((to = base::encode(to, arguments)), ...);
        client_->submit(ticket, entry.number, static_cast<std::uint32_t>(size));
        return CallId{ticket};
    }
    template <typename R>
    Result<R> end(CallId id) {
        const auto bytes = TRY(end_bytes(id));
        if constexpr (std::is_void_v<R>) {
            return {};
        } else {
            if (bytes.size() != sizeof(R)) return fail("the function's result is of another type");
            R value;
            std::memcpy(&value, bytes.data(), sizeof(R));
            return value;
        }
    }
    Result<std::vector<std::byte>> end_bytes(CallId id);

    Result<void> pause();   // its thread stops where it is
    Result<void> resume();  //
    Result<void> destroy();
    // Destroys all of them, with as few round trips as possible.
    static Result<void> destroy_all(std::vector<Instance>& instances);

    // A function that does not become a template.
    static Result<Instance> start(Machine& machine, const std::filesystem::path& file,
                                  const FunctionOptions& options = {});

private:
    friend class FunctionTemplate;
    Instance(std::shared_ptr<detail::FunctionProgram> program, std::shared_ptr<CallClient> client,
             std::uint32_t slot, std::uint64_t handle)
        : program_{std::move(program)}, client_{std::move(client)}, slot_{slot}, handle_{handle} {}
    Result<CallClient::Ticket> reserve(std::size_t capacity);
    void gone(bool unmapped);

    std::shared_ptr<detail::FunctionProgram> program_;
    std::shared_ptr<CallClient> client_;
    std::uint32_t slot_;
    std::uint64_t handle_;  // 0: destroyed
};

// A function that has initialised itself. Thread-safe. `machine` outlives it and its
// instances; it may go before them.
class FunctionTemplate {
public:
    // Builds the enclave, runs it until ready(), and freezes it.
    static Result<FunctionTemplate> load(Machine& machine, const std::filesystem::path& file,
                                         const FunctionOptions& options = {});

    std::uint64_t handle() const;
    const Measurement& measurement() const;
    // By the name given to ENCLAVISOR_ENTRY; to be looked up once.
    Result<EntryPoint> entry(std::string_view name) const;

    Result<Instance> fork();
    // Many, with as few round trips as possible: all or none.
    Result<std::vector<Instance>> fork(std::size_t count);

private:
    explicit FunctionTemplate(std::shared_ptr<detail::FunctionProgram> program)
        : program_{std::move(program)} {}
    std::shared_ptr<detail::FunctionProgram> program_;
};

}  // namespace enclavisor::host
