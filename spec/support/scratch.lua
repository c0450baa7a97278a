-- Where the specs of this engine put files: engines run side by side.
return (os.getenv "OUT" or "build") .. "/scratch"
