#include "host/lib/qemu_facts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include "host/lib/fd_message.hpp"
#include "host/lib/process.hpp"
#include "host/lib/qmp.hpp"

namespace enclavisor::host {
namespace {

using Json = nlohmann::json;

std::set<std::string> properties(Qmp& qmp, const char* type) {
    std::set<std::string> names;
    // Refused: there is no such type.
    const auto listed = qmp.execute("qom-list-properties", {{"typename", type}});
    if (!listed || !listed.value().is_array()) return names;
    for (const Json& property : listed.value()) {
        if (const auto name = property.find("name"); name != property.end() && name->is_string())
            names.insert(*name);
    }
    return names;
}

}  // namespace

Result<QemuFacts> ask_qemu(const std::filesystem::path& qemu) {
    auto [ours, its] = TRY(socket_pair(SOCK_STREAM));
    const Fd nothing{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    const auto process = TRY(Process::spawn(
        {qemu.string(), "-nodefaults", "-no-user-config", "-display", "none", "-machine", "none", "-chardev",
         fmt::format("socket,id=qmp,fd={}", its.get()), "-mon", "chardev=qmp,mode=control"},
        {.inherit = {its.get()},
         .standard_input = nothing.get(),
         .standard_output = nothing.get(),
         .standard_error = nothing.get(),
         .own_group = true}));
    its.reset();
    auto qmp = TRY(Qmp::connect(std::move(ours), std::chrono::seconds{20}));
    const Json answer = TRY(qmp.execute("query-version"));
    QemuFacts facts;
    try {
        const Json& version = answer.at("qemu");
        facts.release = {version.at("major").get<int>(), version.at("minor").get<int>()};
        facts.version = fmt::format("{}.{}.{}", facts.release.first, facts.release.second,
                                    version.at("micro").get<int>());
    } catch (const Json::exception&) {
        return fail(fmt::format("{} does not say which version it is", qemu.string()),
                    "set ENCLAVISOR_QEMU to a QEMU");
    }
    facts.sev = properties(qmp, "sev-guest");
    facts.snp = properties(qmp, "sev-snp-guest");
    return facts;
}

}  // namespace enclavisor::host
