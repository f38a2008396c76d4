# Fails unless the one ```cpp listing of the file `readme` is the file `example`.
file(READ ${readme} text)
file(READ ${example} expected)

string(FIND "${text}" "```cpp\n" start)
if(start EQUAL -1)
  message(FATAL_ERROR "${readme} has no C++ listing")
endif()
math(EXPR start "${start} + 7")
string(SUBSTRING "${text}" ${start} -1 listing)
string(FIND "${listing}" "```" end)
string(SUBSTRING "${listing}" 0 ${end} listing)

if(NOT listing STREQUAL expected)
  message(FATAL_ERROR "the listing in ${readme} differs from ${example}")
endif()
