/* The Lua interpreter runs workload.lua, which is part of this executable. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "bench/programs/measure.h"

__asm__(
    ".section .rodata\n"
    "workload: .incbin \"" WORKLOAD
    "\"\n"
    "workload_end:\n"
    ".text\n");
extern const char workload[], workload_end[];

int main(void) {
    const uint64_t begin = ticks();
    lua_State* lua = luaL_newstate();
    if (lua == NULL) give_up("luaL_newstate");
    luaL_openlibs(lua);
    if (luaL_loadbuffer(lua, workload, (size_t)(workload_end - workload), "workload") != LUA_OK ||
        lua_pcall(lua, 0, 1, 0) != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(lua, -1));
        return 1;
    }
    const double check = lua_tonumber(lua, -1);
    lua_close(lua);
    report("total", (double)(ticks() - begin));
    report("check", check); /* the same in both worlds, or the comparison is void */
    return 0;
}
