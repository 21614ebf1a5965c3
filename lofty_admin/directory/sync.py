def start_sync(tenant): raise NotImplementedError
