# What `cmake --install` puts where, and how other projects find it: find_package(h5flume) and
# `pkg-config --cflags --libs h5flume`. Nothing installed knows its own prefix, so that a
# prefix may be moved; tests/install does.
include(CMakePackageConfigHelpers)

# One name for everything, in this tree and outside of it: h5flume::h5flume.
add_library(h5flume_all INTERFACE)
add_library(h5flume::h5flume ALIAS h5flume_all)
target_link_libraries(h5flume_all INTERFACE h5flume_readers)
set_target_properties(h5flume_all PROPERTIES EXPORT_NAME h5flume)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/h5flume)
set(worker_dir ${CMAKE_INSTALL_LIBEXECDIR}/h5flume)
set(libraries h5flume_core h5flume_storage h5flume_readers)

# --- programs and libraries -------------------------------------------------------------------

install(TARGETS ${libraries} h5flume_all EXPORT h5flume-targets)
install(TARGETS h5flume)
install(TARGETS h5flume-worker h5flume-launcher RUNTIME DESTINATION ${worker_dir})

if(BUILD_SHARED_LIBS)
  set_target_properties(${libraries} PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    INSTALL_RPATH "$ORIGIN")
  file(RELATIVE_PATH from_bin /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
  file(RELATIVE_PATH from_worker /${worker_dir} /${CMAKE_INSTALL_LIBDIR})
  set_target_properties(h5flume PROPERTIES INSTALL_RPATH "$ORIGIN/${from_bin}")
  set_target_properties(h5flume-worker PROPERTIES INSTALL_RPATH "$ORIGIN/${from_worker}")
endif()

# --- headers ----------------------------------------------------------------------------------

install(FILES h5flume.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/h5flume)
install(DIRECTORY core storage readers DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/h5flume
        FILES_MATCHING PATTERN "*.h" PATTERN "*_internal.h" EXCLUDE)

# --- find_package -----------------------------------------------------------------------------

configure_package_config_file(cmake/h5flume-config.cmake.in
  ${PROJECT_BINARY_DIR}/h5flume-config.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS worker_dir)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/h5flume-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/h5flume-config.cmake
              ${PROJECT_BINARY_DIR}/h5flume-config-version.cmake
        DESTINATION ${package_dir})
install(EXPORT h5flume-targets NAMESPACE h5flume:: DESTINATION ${package_dir})

# --- pkg-config -------------------------------------------------------------------------------

# Static libraries leave the libraries beneath them to whoever links the program.
set(pc_requires)
set(pc_libs)
if(NOT BUILD_SHARED_LIBS)
  foreach(library ${libraries})
    get_target_property(linked ${library} LINK_LIBRARIES)
    foreach(item ${linked})
      if(item MATCHES "^h5flume_" OR item MATCHES "^[$]<BUILD_INTERFACE:")
        continue()
      elseif(item MATCHES "^/" OR item MATCHES "^-l")
        list(APPEND pc_libs ${item})
      elseif(item STREQUAL "Threads::Threads")
        list(APPEND pc_libs -pthread)
      elseif(item STREQUAL "fmt::fmt")
        list(APPEND pc_requires fmt)
      elseif(item STREQUAL "TBB::tbb")
        list(APPEND pc_requires tbb)
      elseif(item STREQUAL "nlohmann_json::nlohmann_json")
        continue()  # headers only
      elseif(item MATCHES "^[A-Za-z0-9_.+]+$" AND NOT TARGET ${item})
        list(APPEND pc_libs -l${item})
      else()
        message(FATAL_ERROR "cmake/install.cmake does not know how pkg-config finds ${item}")
      endif()
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES pc_libs)
  list(REMOVE_DUPLICATES pc_requires)
endif()
list(JOIN pc_libs " " pc_libs)
list(JOIN pc_requires " " pc_requires)
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/h5flume.pc.in ${PROJECT_BINARY_DIR}/h5flume.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/h5flume.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
