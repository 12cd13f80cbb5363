"""How fast the servers are, measured beside etcd, ZooKeeper and Redis in the same run."""
