if(H5FLUME_SANITIZE)
  add_compile_options(-fsanitize=${H5FLUME_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${H5FLUME_SANITIZE})
endif()
