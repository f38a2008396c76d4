# What the three libraries have in common: includes are written from the repository's root and
# install under include/h5flume.
function(h5flume_library target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/h5flume>)
  string(REPLACE "h5flume_" "" short_name ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${short_name})
  h5flume_warnings(${target})
endfunction()
